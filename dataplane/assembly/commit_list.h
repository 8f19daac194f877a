// The list of pieces in the body of a commit, from hostile XML or JSON: a streaming reader of ours
// that knows only these documents and is strict, because a list that the storage reads in another
// way makes another object. What is odd is `bad`; nothing is guessed.
//
//     list.open(head, request, seed);
//     list.feed(bytes); while (list.next(&entry)) …;    …    list.finish(); while (list.next(…)) …
//     list.state()
//
// Owns:       its state and the text of one value.
// Invariants: entries do not depend on how the body is cut. After `bad` there is no further entry;
//             entries before it may have been given and mean nothing.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     commit_entries_max by format, commit_value_bytes_max, commit_depth_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/assembly/recipe.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

struct CommitEntry {
    bool by_index = false;  // else by name
    bool inlined = false;   // bytes in the list itself: they were seen by nobody else
    std::uint64_t index = 0;
    AssemblyKey name;          // as PieceRequest::name, or the key of an object
    std::uint64_t offset = 0;  // a range of it
    std::uint64_t length = piece_unknown;
};

class CommitList {
  public:
    enum class State : std::uint8_t { open, complete, bad };
    void open(const Head& head, const PieceRequest& request, std::uint64_t seed);
    void feed(Bytes bytes);
    void finish();
    bool next(CommitEntry* entry);
    State state() const { return state_; }
    std::uint32_t entries() const { return entries_; }

  private:
    State state_ = State::open;
    std::uint32_t entries_ = 0;
};

}  // namespace cordon
