#!/bin/bash
# Lists in the formats of others become one feed: what each asserts, what its tombstones withdraw,
# and that an item lives while any source asserts it.
. "$(dirname "$0")/_feed.sh"
feed_up
feed_begin 1
says() { grep -qF -- "$1" "$WORK/said"; }
fails() { if "$@" > "$WORK/said" 2>&1; then return 1; fi; }
take() { # SOURCE FORMAT FILE OPTIONS…
    "$FEED" import "$WORK/feed" "$3" --source "$1" --format "$2" --purpose known-csam \
        --system "$WORK/system" --dpkg "$WORK/none" "${@:4}" > "$WORK/said" 2>&1
}
in_feed() { # N: so many items will be in the next generation
    "$FEED" diff "$WORK/feed" > "$WORK/said" 2>&1 && says "$1 records afterwards"
}

mkdir "$WORK/files"
for n in 1 2 3; do head -c "${n}000" /dev/urandom > "$WORK/files/$n"; done
md5() { md5sum "$WORK/files/$1" | cut -d' ' -f1; }
sha1() { sha1sum "$WORK/files/$1" | cut -d' ' -f1; }
sha256() { sha256sum "$WORK/files/$1" | cut -d' ' -f1; }

cat > "$WORK/vics.json" << END
{"@odata.context": "https://example.com/ProjectVic/DataModels/2.0.xml/US/\$metadata#Media",
 "value": [{"MediaID": 1, "Category": 1, "MD5": "$(md5 1)", "SHA1": "$(sha1 1)"},
           {"MediaID": 2, "Category": 2, "MD5": "$(md5 2)"}]}
END
check "a VICS list whose categories are not mapped is refused" \
    fails take police vics "$WORK/vics.json" --full --category 1=known-csam
check "with item and reason" says 'vics.json: item 2: category "2" is not mapped'
check "it is taken when they are" \
    take police vics "$WORK/vics.json" --full --category 1=known-csam --category 2=drop
check "with both digests of its item" says "2 indicators added"
check "so that three are listed" in_feed 3

ncmec() { # ENTRIES
    echo '<?xml version="1.0"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
<images>'"$1"'</images></queryResult>' > "$WORK/ncmec.xml"
}
entry() { # ID MD5
    echo "<image><member id=\"7\"/><id>$1</id><classification>A1</classification>
<fingerprints><md5>$2</md5></fingerprints></image>"
}
ncmec "$(entry one "$(md5 1)")$(entry two "$(md5 2)")"
check "NCMEC's list is taken with its own classes" take ncmec ncmec "$WORK/ncmec.xml" --incremental
check "an item that another source has is one item" in_feed 4
ncmec "<deletedImage><member id=\"7\"/><id>one</id></deletedImage>
<deletedImage><member id=\"7\"/><id>two</id></deletedImage>"
check "its tombstones name no digest" take ncmec ncmec "$WORK/ncmec.xml" --incremental
check "and withdraw" says "2 withdrawn"
check "what the other source asserts lives on" in_feed 3

cat > "$WORK/stix.json" << END
{"type": "bundle", "id": "bundle--1", "objects": [
 {"type": "indicator", "spec_version": "2.1", "id": "indicator--1", "labels": ["csam"],
  "modified": "2026-01-01T00:00:00.000Z", "pattern_type": "stix",
  "pattern": "[file:hashes.'SHA-256' = '$(sha256 3)' AND file:size = 3000]"},
 {"type": "indicator", "spec_version": "2.1", "id": "indicator--2", "labels": ["csam"],
  "modified": "2026-01-01T00:00:00.000Z", "pattern_type": "stix",
  "pattern": "[domain-name:value = 'example.com']"}]}
END
check "indicators of STIX are taken" \
    take sharing stix "$WORK/stix.json" --incremental --category csam=baseline
check "others are counted" says "1 items passed over"
check "and the file is listed" in_feed 4

check "a folder of files is taken" \
    take hotline2 folder "$WORK/files" --full --category known-csam
check "each with four digests" says "3 rows, 12 indicators added"
check "those of one file are one item, whoever asserts them" in_feed 13
rm "$WORK/files/2"
check "taken again without a file" \
    take hotline2 folder "$WORK/files" --full --category known-csam
check "it is withdrawn" says "4 withdrawn"
feed caps "$WORK/feed"
approve targets1 targets2
check "all of it can be released" feed_release
