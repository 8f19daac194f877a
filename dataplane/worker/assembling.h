// What a message has to do with an upload in pieces: it carries one, or makes the object visible.
// It outlives its message when pieces behind it wait in the spool and nobody has to wait for them.
//
// Owns:       a piece under way, or a pin of its upload; a digest slot for the chain while it
//             moves; the lease of the chain while it advances; the list of a commit.
// Invariants: with a flow while the flow's message has it, else it advances by itself.
// Worker:     used by one worker only; pooled, no allocation after construction.
// Limits:     two for each message; limits::commit_lists_max commits with lists.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/commit_list.h"
#include "dataplane/assembly/form_fields.h"
#include "dataplane/fingerprint/fingerprinter.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/verdict/policy.h"
#include "dataplane/worker/recorder.h"

namespace cordon {

inline constexpr std::uint32_t no_assembling = UINT32_MAX;
// Lists of commits tell components by the one, we tell pieces by the other.
inline constexpr KindSet component_kinds{IndicatorKind::sha256, IndicatorKind::md5};
// In place of the number of an object of the message.
inline constexpr std::uint8_t assembled_object = 0xfe;
inline constexpr std::uint8_t contained_object = 0xfd;  // in the upload

// The leaves of pieces on their way to the tree fingerprint of their object.
struct Folding {
    TreeFold tree;
    LeafCursor cursor;
    std::uint64_t position;  // of the piece that is read
    bool is_within;          // it
    std::uint64_t pieces;    // behind us
    std::uint64_t bytes;
    std::array<std::uint8_t, 3> last;  // of them
    bool is_plain;                     // nothing is in them that would have to be taken apart
    bool knows_first;                  // what the object begins with,
    bool knows_last;                   // and what the pieces behind us end with
    bool is_copied;                    // by the storage, some of them
    bool is_doubtful;                  // from what may be something else
    PieceMarks marks;                  // of the first one
    SourceSlice slice;                 // of the last one

    bool knows_ends() const { return knows_first && knows_last; }
};

struct CommitPlace {
    CommitList list;
    Folding folding;
    std::uint32_t next_free;
};

// A longer Location is not read, and what comes after it has a gap.
inline constexpr std::size_t location_bytes_max = 2048;

// The fields of a form, and what its file part came to when it ended. Or the first piece of an
// upload whose key is in the answer to it.
struct FormPlace {
    FormFields fields;
    DigestState state;
    PieceSum sum;
    std::uint64_t tail_at;  // where the chunk with its last bytes begins
    PieceRequest request;
    bool has_ended;
    bool has_key;
    ChainContent content;
    bool is_aside;   // its bytes are kept, until its place is known
    bool is_full;    // there was no room for them
    SpoolRun aside;  // and are here
    std::array<char, location_bytes_max> location;
    std::uint32_t next_free;
};

// A component that a commit names: a piece of the assembly `upload`, or all of it.
struct ComponentPlace {
    AssemblyKey upload;
    std::uint64_t position;  // piece_unknown: all of it
    std::array<std::uint8_t, 16> md5;
    std::uint64_t has_md5;
    std::uint64_t unused[2];  // blocks of lists have a whole number of them
};
static_assert(ListSpool::block_bytes % sizeof(ComponentPlace) == 0);

enum class CommitStep : std::uint8_t { again, goes, waits };  // waits: or the flow is cut
enum class Component : std::uint8_t { there, on_its_way, unknown, other, conflict, lost };
enum class ComponentStep : std::uint8_t { bytes, empty, wait, all };

// Whether its pieces may come in any order, and show nothing before all of them are there.
bool may_fold(const PieceRequest& request);

struct Assembling {
    enum class Stage : std::uint8_t {
        form,       // its fields may make a piece of its file part
        piece,      // its bytes are coming
        creation,   // the same, and its key comes with the answer
        commit,     // its request is coming
        looking,    // the piece has ended: may its end go?
        surveying,  // what is kept of a piece in place: may it go?
        waiting,    // the commit has ended: for the lease, and for pieces on their way
        advancing,
        listing,    // the pieces that a commit names are looked up
        hashing,    // and hashed
        folding,    // their leaves are put together: the bytes are not there
        shelving,   // the same, to keep them under the name of the object
        recording,  // that the object has to be judged on the storage
    };
    PieceRequest request;
    PieceTicket ticket;
    UploadRef upload;       // pinned
    std::uint64_t overlap;  // bytes of the piece that are there, and still to come
    SpooledPiece spooled;   // that is being hashed
    ObjectSlot slot;        // of the chain
    ChainContent* content;  // while the chain moves here
    Stage stage;
    std::uint8_t object;  // of the message, whose bytes are those of the piece or the list
    std::uint8_t service;
    bool lost;       // its bytes were not kept
    bool by_leaves;  // and its leaves will do
    bool leased;
    bool has_bytes;
    bool summed;             // the digest of the piece is known
    bool ended;              // the piece, for the Assembly
    bool goes;               // its end
    Survey survey;           // of the object as the storage would have it
    std::uint32_t progress;  // of others, when it was last looked at
    std::uint64_t until_ns;  // for how long is waited
    FlowNumber flow;         // no_flow: nobody waits
    std::uint32_t form;      // no_assembling: the piece is in none
    // a commit
    std::uint32_t list;  // that is read, or whose leaves are put together; no_assembling: none
    SpoolRun positions;
    SpoolCursor cursor;
    std::uint64_t done;        // positions looked up
    std::uint64_t chained;     // of them, that the state begins with
    ComponentPlace first;      // of a commit that names objects
    bool is_doubtful;          // they may be others than we saw
    ComponentPlace component;  // that is being hashed,
    UploadRef other;           // its upload, pinned,
    bool other_leased;
    std::uint64_t offset;  // and how much of it was handed out
    RecordTicket record;
    PolicyCase about;    // what was decided when it is durable
    std::uint32_t next;  // in the list of those that are at it
    std::uint32_t next_free;
};

}  // namespace cordon
