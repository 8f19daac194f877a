// The list of pieces in a commit, from hostile XML, JSON or a field of the head. The readers know
// only these documents and are strict, because a list that the storage reads in another way makes
// another object: what is odd is `bad`, nothing is guessed.
//
//     list.open(head, request, seed);
//     list.feed(bytes); while (list.next(&entry)) …;    …    list.finish(); while (list.next(…)) …
//     then list.state()
//
// The bytes are the payload of the body (of aws-chunked, decoded). Entries given before `bad` mean
// nothing.
//
// Owns:       its readers and the text of one value; the head must live as long.
// Invariants: entries do not depend on how the body is cut; after `bad` or `foreign` none comes.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     commit_parts_max and its like, commit_value_bytes_max, commit_depth_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/assembly/json_reader.h"
#include "dataplane/assembly/recipe.h"
#include "dataplane/assembly/xml_reader.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

struct CommitEntry {
    // What of its piece, or from where.
    enum class From : std::uint8_t {
        index,      // the piece with that number
        name,       // the piece with that name, staged or else of the object as it is
        staged,     // only since the last commit
        committed,  // only of the object as it is
        object,     // an object or an assembly of that key, or a range of it
        list,       // bytes in the list itself, which are in no object
    };
    From from = From::index;
    std::uint64_t index = 0;
    AssemblyKey name;
    std::uint64_t offset = 0;  // piece_unknown: the last `length` bytes
    std::uint64_t length = piece_unknown;
    AssemblyKey group;  // of an object, as PieceRequest has it
    std::uint64_t position = piece_unknown;
    // The storage takes the list only when that object has this digest.
    bool has_md5 = false;
    std::array<std::uint8_t, 16> md5 = {};
};

class CommitList {
  public:
    enum class State : std::uint8_t {
        open,
        complete,
        bad,
        // No document of this kind, and none to a storage that expects one (it would refuse it).
        // Another service with the same parameters may take it for the commit of all pieces.
        foreign,
    };

    void open(const Head& head, const PieceRequest& request, std::uint64_t seed);
    void feed(Bytes bytes) { input_ = bytes; }
    void finish();
    bool next(CommitEntry* entry);

    State state() const { return state_; }
    std::uint32_t entries() const { return entries_; }

  private:
    bool begins_well();
    bool next_xml(CommitEntry* entry);
    bool take_xml(XmlReader::Token token, CommitEntry* entry);
    bool open_element();
    bool close_element(CommitEntry* entry);
    bool next_json(CommitEntry* entry);
    bool take_json(JsonReader::Token token, CommitEntry* entry);
    bool take_key();
    bool in_list() const;
    bool take_json_value(JsonReader::Token token);
    bool take_etag(JsonReader::Token token);
    bool end_item(CommitEntry* entry);
    bool next_partial(CommitEntry* entry);
    bool give(CommitEntry* entry);
    bool fail();
    std::size_t item_depth() const;
    std::string_view value() const { return {value_.data(), value_bytes_}; }
    bool is_json() const;
    std::uint32_t entries_max() const;

    // Which of an item's fields a value is.
    enum class Field : std::uint8_t { none, place, range, inlined, etag };

    State state_ = State::open;
    ListFormat format_ = ListFormat::none;
    bool begun_ = false;
    bool ended_ = false;
    bool in_value_ = false;  // XML: between the tags of a field that counts
    bool in_list_ = false;   // JSON: in the array of sources
    bool list_seen_ = false;
    bool list_due_ = false;  // its key was seen
    std::uint8_t seen_ = 0;  // fields of the item, bit by Field
    Field field_ = Field::none;
    std::uint16_t value_bytes_ = 0;
    std::uint32_t entries_ = 0;
    std::uint64_t seed_ = 0;
    std::uint64_t last_index_ = 0;
    Bytes input_;
    const Head* head_ = nullptr;
    AssemblyKey blob_;
    CommitEntry item_;
    std::string_view partials_;
    std::string_view before_;  // account or bucket of the objects
    std::array<char, limits::head_bytes_max> before_text_;
    std::array<char, limits::commit_value_bytes_max> value_;
    XmlReader xml_;
    JsonReader json_;
};

}  // namespace cordon
