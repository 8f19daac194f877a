// The statements that take a request for verification from the journal into the store.
//
// Owns:       its statements; they die before the database.
// Thread:     that of its store.
#pragma once

#include "control/store/case_keys.h"
#include "control/store/database.h"
#include "control/store/record_sink.h"
#include "dataplane/contract/journal_format.h"

namespace cordon {

class VerifyInsert {
  public:
    explicit VerifyInsert(Database& database);
    // False: the record is not one of this kind.
    // What it tells of a person is sealed with a new one of `keys`.
    bool put(const std::string& node, Bytes journal, const JournalRecord& record, CaseKeys* keys,
             std::uint64_t now_ns);

  private:
    Statement waiting_;
    Statement insert_;
};

}  // namespace cordon
