#!/bin/bash
# An S3 upload in parts that began before the appliance came: nobody saw its first parts, so that it
# is judged on the storage. What is listed is deleted, and how long it was visible is on record.
. "$(dirname "$0")/_verifier.sh"
. "$(dirname "$0")/_rgw.sh"
. "$(dirname "$0")/_s3_parts.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4', credentials = '\$WORK/s3.credentials'"
KNOWN_SIZE=11000000
cordon_up rgw
printf 'access_key = %s\nsecret_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    > "$WORK/s3.credentials"

# older_upload NAME FILE [PART…]   — those parts come past the appliance, and the commit.
older_upload() {
    local early
    WHERE=in_sto begin_parts "$1" "$2"
    for early in 1 2 3; do
        case " ${*:3} " in
            *" $early "*) ;;
            *) WHERE=in_sto send_parts $early || return 1 ;;
        esac
    done
    WHERE=in_cli send_parts "${@:3}" && WHERE=in_cli complete_parts
}
check "a commit of parts of which the first came before passes" older_upload known "$WORK/known" 2 3
check "… and is to be verified" counted verify_requested 1
check "it was counted as a gap" counted assembly_gap 1
check "one of which all came before passes" older_upload all "$WORK/known"
check "… and is to be verified as well" counted verify_requested 2
check "a clean one" older_upload clean "$WORK/clean" 3
check "… and is to be verified as well" counted verify_requested 3
check "the whole of the known one is there" stored_equal known "$WORK/known"
start_verifier
check "the known one is found and deleted" comes_to "/$BUCKET/known" deleted
check "… and gone" absent known
check "so is the other" comes_to "/$BUCKET/all" deleted
check "… and gone" absent all
case_of=$(verification case "/$BUCKET/known")
check "for how long it was visible is on record" grep -qE 'it was visible for [0-9.]+ s' \
    <(ctl incidents show "$case_of")
check "the clean one stays" comes_to "/$BUCKET/clean" clean
check "… as it was" stored_equal clean "$WORK/clean"
check "two incidents" incident_count 2
