#include "control/store/personal_data.h"

#include "control/store/schema.h"

namespace cordon {

Result<std::unique_ptr<PersonalData>> PersonalData::open(const StoreOptions& options) {
    auto data = std::make_unique<PersonalData>();
    if (auto opened = data->keys_.open(case_keys_path(options.path)); !opened) {
        return Failure(opened.error());
    }
    if (auto opened = data->database_.open(options.path); !opened) return Failure(opened.error());
    if (auto prepared = prepare_schema(data->database_, &data->keys_); !prepared) {
        return Failure(prepared.error());
    }
    return data;
}

Result<void> PersonalData::checked() {
    if (!database_.failed()) return {};
    return Failure(database_.take_error());
}

Result<std::optional<PersonalData::Sealed>> PersonalData::sealed_of(
    const std::string& case_number) {
    Statement row(database_,
                  "SELECT key_id, sealed FROM incident LEFT JOIN personal ON incident = id"
                  " WHERE case_number = ? ORDER BY id DESC LIMIT 1");
    row.bind(case_number);
    const bool found = row.row();
    std::optional<Sealed> sealed;
    if (found && !row.is_null(0)) {
        const Bytes id = row.blob(0), text = row.blob(1);
        sealed = {{id.begin(), id.end()}, {text.begin(), text.end()}};
    }
    row.reset();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    if (!found) return failure(ErrorCode::refused, "there is no case " + case_number);
    return sealed;
}

Result<std::optional<Personal>> PersonalData::reveal(const std::string& case_number) {
    const auto sealed = sealed_of(case_number);
    if (!sealed) return Failure(sealed.error());
    if (!*sealed) return std::optional<Personal>();
    const auto key = keys_.find((*sealed)->key_id);
    if (!key) return Failure(key.error());
    if (!*key) return std::optional<Personal>();
    std::optional<Personal> personal = open_personal((*sealed)->text, **key, case_number);
    if (!personal) {
        return failure(ErrorCode::integrity,
                       "what case " + case_number + " tells of a person does not open");
    }
    return personal;
}

Result<std::optional<KeyStanding>> PersonalData::standing(const std::string& case_number) {
    const auto sealed = sealed_of(case_number);
    if (!sealed) return Failure(sealed.error());
    if (!*sealed) return std::optional<KeyStanding>();
    return keys_.standing((*sealed)->key_id);
}

Result<void> PersonalData::hold(const std::string& case_number, std::uint64_t until_ns,
                                const std::string& reason) {
    const auto sealed = sealed_of(case_number);
    if (!sealed) return Failure(sealed.error());
    const Result<bool> held =
        *sealed ? keys_.hold((*sealed)->key_id, until_ns, reason) : Result<bool>(false);
    if (!held) return Failure(held.error());
    if (*held) return {};
    return failure(ErrorCode::refused,
                   "what case " + case_number + " told of a person is destroyed already");
}

Result<std::uint64_t> PersonalData::destroy_before(std::uint64_t before_ns, std::uint64_t now_ns) {
    const Result<std::uint64_t> gone = keys_.destroy_before(before_ns, now_ns);
    if (!gone) return gone;
    if (auto forgotten = forget_sealed(before_ns); !forgotten) return Failure(forgotten.error());
    Statement requests(database_,
                       "UPDATE verify_request SET host = x'', target = x'', account = '',"
                       " ends = x'' WHERE state = 2 AND requested_ns < ? AND ends <> x''");
    requests.bind_unsigned(before_ns).run();
    std::int64_t changed = database_.changes();
    Statement odd(database_,
                  "UPDATE odd_record SET payload = x'' WHERE stored_ns < ? AND payload <> x''");
    odd.bind_unsigned(before_ns).run();
    changed += database_.changes();
    if (*gone != 0 || changed != 0) database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return gone;
}

// The sealed texts that no key opens any more; also those of a run that a crash ended.
Result<void> PersonalData::forget_sealed(std::uint64_t before_ns) {
    std::vector<std::uint64_t> locked;
    // A key is made when its incident is stored, so that it is never the older of the two.
    Statement rows(database_,
                   "SELECT incident, key_id FROM personal JOIN incident ON id = incident"
                   " WHERE time_ns < ?");
    rows.bind_unsigned(before_ns);
    while (rows.row()) {
        const auto key = keys_.standing(rows.blob(1));
        if (!key) return Failure(key.error());
        if (!*key) locked.push_back(rows.number(0));
    }
    Statement forget(database_, "DELETE FROM personal WHERE incident = ?");
    for (const std::uint64_t incident : locked)
        forget.bind_unsigned(incident).run();
    return checked();
}

}  // namespace cordon
