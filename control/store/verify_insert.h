// The statement that takes a request for verification from the journal into the store.
//
// Owns:       its statement; dies before the database.
// Thread:     that of its store.
#pragma once

#include "control/store/record_sink.h"
#include "control/store/sqlite.h"
#include "dataplane/contract/journal_format.h"

namespace cordon {

class VerifyInsert {
  public:
    explicit VerifyInsert(Database& database);
    // False: the record is not one of this kind.
    bool put(const std::string& node, Bytes journal, const JournalRecord& record);

  private:
    Statement insert_;
};

}  // namespace cordon
