#include "control/store/personal_data.h"

#include "control/store/schema.h"

namespace cordon {

// Where sealed texts stand: those that may be old enough, and how one of them goes. A key is made
// when its row is stored, so that it is never the older of the two.
struct PersonalData::Sealing {
    const char* find;
    const char* forget;
};

const PersonalData::Sealing PersonalData::sealings[] = {
    {"SELECT incident, key_id FROM personal JOIN incident ON id = incident WHERE time_ns < ? AND ",
     "DELETE FROM personal WHERE incident = ? AND key_id = ?"},
    {"SELECT id, key_id FROM verify_request WHERE requested_ns < ? AND length(sealed) > 0 AND ",
     "UPDATE verify_request SET sealed = '', server = '' WHERE id = ? AND key_id = ?"},
    {"SELECT sequence, key_id FROM odd_record WHERE stored_ns < ? AND length(payload) > 0 AND ",
     "UPDATE odd_record SET payload = '' WHERE sequence = ? AND key_id = ?"},
};

Result<std::unique_ptr<PersonalData>> PersonalData::open(const StoreOptions& options) {
    auto data = std::make_unique<PersonalData>();
    if (auto opened = open_store_database(options, &data->database_, &data->keys_); !opened)
        return Failure(opened.error());
    data->node_ = options.node;
    data->own_ = data->database_.own_rows();
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
                  " WHERE case_number = ? AND " +
                      own_ + " ORDER BY id DESC LIMIT 1");
    row.bind(case_number).bind(node_);
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
    std::uint64_t emptied = 0;
    for (const Sealing& one : sealings) {
        const Result<std::uint64_t> done = forget_sealed(one, before_ns);
        if (!done) return done;
        emptied += *done;
    }
    // The log of a file still has the pages as they were. A server's has what is sealed.
    if (emptied != 0 && !database_.shared()) database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return gone;
}

// The sealed texts that no key opens any more; also those of a run that a crash ended.
Result<std::uint64_t> PersonalData::forget_sealed(const Sealing& sealing, std::uint64_t before_ns) {
    struct Locked {
        std::int64_t row;
        std::vector<std::uint8_t> key_id;
    };
    std::vector<Locked> locked;
    Statement rows(database_, sealing.find + own_);
    rows.bind_unsigned(before_ns).bind(node_);
    while (rows.row()) {
        const Bytes id = rows.blob(1);
        const auto key = keys_.standing(id);
        if (!key) return Failure(key.error());
        if (!*key) locked.push_back({rows.integer(0), {id.begin(), id.end()}});
    }
    Statement forget(database_, sealing.forget);
    for (const Locked& one : locked)
        forget.bind_integer(one.row).bind(Bytes(one.key_id)).run();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return locked.size();
}

}  // namespace cordon
