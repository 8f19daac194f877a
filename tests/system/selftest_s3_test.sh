#!/bin/bash
# The self-test on S3 (Swift's), with signed uploads.
. "$(dirname "$0")/_selftest.sh"
. "$(dirname "$0")/_s3.sh"
SELFTEST="api = 's3', endpoint = '$URL4', folder = '/$BUCKET/selftest', \
credentials = '\$WORK/s3.credentials'"
selftest_up start_s3
check "the Centre lists the vector" list_vector

check "the self-test is well" selftest_ends 0
cat "$WORK/selftest.log"
check "… on a storage that abandons cut writes" selftest_says "The storage abandons cut writes."
check "two vectors were refused" [ "$(grep -c 'refused (403)' "$WORK/selftest.log")" = 2 ]
put_control="PUT /$BUCKET/selftest/cordon-selftest-[0-9a-f]*-control"
check "the clean object was stored" grep -q "^$put_control HTTP/1.1 200" "$WORK/swift.log"
check "nothing is left in the bucket" [ -z "$(stored_names)" ]

printf 'access_key = test:tester\nsecret_key = wrong\n' > "$WORK/s3.credentials"
check "with the wrong key nothing is proven" selftest_ends 1
check "… and that is said" selftest_says "A clean file is not stored either"
chmod 644 "$WORK/s3.credentials"
check "credentials that are open to others are not used" selftest_ends 8
check "… and that is said" selftest_says "are open to others"
