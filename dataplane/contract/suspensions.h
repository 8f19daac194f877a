// What must not be acted upon although an index holds it, and how old its lists have become: a
// small file beside the index, consulted when a match is judged, so that it takes effect without a
// new index. Written by control as a whole, taken up by the dataplane as soon as it changes.
//
//   SuspensionsHead │ ListAge × list_count │ Suspension × count, by list, what and value
//
// A list is named as its sections are; what is said of it is said of all its epochs.
//
// Owns:       Suspensions: its entries.
// Invariants: what read() gave out is sorted, every name has its end, and no reserved byte or enum
//             has a value without a meaning. Times are absolute: an entry ends without anybody.
// Worker:     a const Suspensions may be read by many workers; no allocation, lock or clock.
// Limits:     suspensions_max entries; a look-up is three binary searches, and a walk over entries
//             about the same thing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/file_sum.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

inline constexpr const char* suspensions_name = "suspensions";          // in state_dir
inline constexpr std::uint64_t suspensions_magic = 0x3153555344434443;  // "CDCDSUS1"
inline constexpr std::uint32_t suspensions_version = 1;
// A feed has at most 2000 (docs/feed-format.md), and an operator his own.
inline constexpr std::uint32_t suspensions_max = 16384;

enum class SuspensionOf : std::uint8_t { reference = 1, source = 2, generation = 3 };

// The later is the stronger.
enum class SuspensionMode : std::uint8_t { none = 0, report_only = 1, suspended = 2 };

struct Suspension {
    char name[32];  // of the list
    SuspensionOf what;
    SuspensionMode mode;  // not `none`
    std::uint8_t reserved[6];
    std::uint64_t value;    // reference, source, or the low 24 bits of a generation
    std::uint64_t since_s;  // Unix seconds; from then on
    std::uint64_t until_s;  // up to and with then, or index_no_end
};
static_assert(sizeof(Suspension) == 64);

// Takes the place of what the index says, which was true when it was built.
struct ListAge {
    char name[32];
    std::uint64_t fresh_until_s;  // as in SectionTerms
    std::uint64_t weak_until_s;
    std::uint64_t block_until_s;
};
static_assert(sizeof(ListAge) == 56);

struct SuspensionsHead {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t list_count;
    std::uint32_t count;
    std::uint32_t reserved;
    std::uint64_t written_s;  // Unix seconds
    FileSum checksum;
};
static_assert(sizeof(SuspensionsHead) == 48);

inline constexpr std::size_t suspensions_bytes_max =
    sizeof(SuspensionsHead) + limits::sections_max * sizeof(ListAge) +
    std::size_t{suspensions_max} * sizeof(Suspension);

// What is asked about: an indicator that matched.
struct Suspected {
    std::string_view list;
    std::uint64_t reference;
    std::uint16_t source;
    std::uint32_t added;  // as in IndexRecord; 0: unknown
};

class Suspensions {
  public:
    // Refused: integrity.
    static Result<Suspensions> read(Bytes file);

    // The strongest that holds at this time.
    SuspensionMode mode_of(const Suspected& indicator, std::uint64_t now_s) const;
    // `terms` with what is known of the list's age since.
    SectionTerms aged(std::string_view list, SectionTerms terms) const;

    std::uint64_t written_s() const { return written_s_; }
    std::size_t in_force(std::uint64_t now_s) const;  // entries that hold at this time
    const std::vector<Suspension>& entries() const { return entries_; }
    const std::vector<ListAge>& ages() const { return ages_; }

  private:
    SuspensionMode strongest(std::string_view list, SuspensionOf what, std::uint64_t value,
                             std::uint64_t now_s) const;

    std::uint64_t written_s_ = 0;
    std::vector<ListAge> ages_;
    std::vector<Suspension> entries_;
};

// Sorts, and cuts generations to what a record knows of them. At most suspensions_max entries and
// sections_max lists.
std::string write_suspensions(std::vector<Suspension> entries, std::vector<ListAge> ages,
                              std::uint64_t written_s);

}  // namespace cordon
