#include "dataplane/contract/suspensions.h"

#include <algorithm>
#include <tuple>

#include "dataplane/base/invariant.h"
#include "dataplane/contract/file_sum.h"

namespace cordon {
namespace {

constexpr std::size_t summed = offsetof(SuspensionsHead, checksum);

Failure bad(const char* why) {
    return failure(ErrorCode::integrity, std::string("the file of suspensions ") + why);
}

template <std::size_t n>
bool is_name(const char (&name)[n]) {
    const char* end = std::find(name, name + n, '\0');
    return end != name && end != name + n;
}

template <std::size_t n>
std::string_view text_of(const char (&name)[n]) {
    return {name, strnlen(name, n)};
}

auto key_of(const Suspension& entry) {
    return std::tuple(text_of(entry.name), entry.what, entry.value);
}

bool by_key(const Suspension& a, const Suspension& b) {
    return key_of(a) < key_of(b);
}

bool by_name(const ListAge& a, const ListAge& b) {
    return text_of(a.name) < text_of(b.name);
}

// The bytes come from a file: an enum may hold any value.
const char* fault_of(const Suspension& entry) {
    if (!is_name(entry.name)) return "has an entry without a list";
    if (entry.what < SuspensionOf::reference || entry.what > SuspensionOf::generation)
        return "suspends something unknown";
    if (entry.mode < SuspensionMode::report_only || entry.mode > SuspensionMode::suspended)
        return "has a mode without a meaning";
    if (!std::ranges::all_of(entry.reserved, [](std::uint8_t byte) { return byte == 0; }))
        return "has a reserved field that is not zero";
    if (entry.what == SuspensionOf::generation && entry.value > added_mask)
        return "has a generation that no record can name";
    return nullptr;
}

const char* fault_of(const ListAge& age) {
    if (!is_name(age.name)) return "has an age without a list";
    const SectionTerms terms = {index_no_end, age.fresh_until_s, age.weak_until_s,
                                age.block_until_s};
    return terms_in_order(terms) ? nullptr : "has a list whose terms contradict each other";
}

template <typename T>
std::vector<T> copied(Bytes bytes) {
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
}

template <typename T>
Bytes bytes_of(const std::vector<T>& list) {
    return {reinterpret_cast<const std::uint8_t*>(list.data()), list.size() * sizeof(T)};
}

}  // namespace

Result<Suspensions> Suspensions::read(Bytes file) {
    SuspensionsHead head;
    if (file.size() < sizeof head) return bad("is cut short");
    std::memcpy(&head, file.data(), sizeof head);
    if (head.magic != suspensions_magic) return bad("is none: wrong magic");
    if (head.version != suspensions_version) return bad("is of another release");
    if (head.count > suspensions_max || head.list_count > limits::sections_max)
        return bad("has too many entries");
    const Bytes rest = file.subspan(sizeof head);
    const std::size_t age_bytes = head.list_count * sizeof(ListAge);
    if (rest.size() != age_bytes + head.count * sizeof(Suspension))
        return bad("has a wrong length");
    if (file_sum(&head, summed, rest) != head.checksum)
        return bad("is damaged: its checksum is wrong");
    if (head.reserved != 0) return bad("has a reserved field that is not zero");
    Suspensions made;
    made.written_s_ = head.written_s;
    made.ages_ = copied<ListAge>(rest.first(age_bytes));
    made.entries_ = copied<Suspension>(rest.subspan(age_bytes));
    for (const ListAge& age : made.ages_) {
        if (const char* why = fault_of(age)) return bad(why);
    }
    for (const Suspension& entry : made.entries_) {
        if (const char* why = fault_of(entry)) return bad(why);
    }
    if (!std::is_sorted(made.ages_.begin(), made.ages_.end(), by_name) ||
        !std::is_sorted(made.entries_.begin(), made.entries_.end(), by_key))
        return bad("is not sorted");
    return made;
}

SuspensionMode Suspensions::mode_of(const Suspected& indicator, std::uint64_t now_s) const {
    SuspensionMode mode =
        strongest(indicator.list, SuspensionOf::reference, indicator.reference, now_s);
    mode = std::max(mode, strongest(indicator.list, SuspensionOf::source, indicator.source, now_s));
    if (indicator.added == 0) return mode;
    return std::max(mode,
                    strongest(indicator.list, SuspensionOf::generation, indicator.added, now_s));
}

SuspensionMode Suspensions::strongest(std::string_view list, SuspensionOf what, std::uint64_t value,
                                      std::uint64_t now_s) const {
    const std::tuple wanted(list, what, value);
    auto at = std::lower_bound(
        entries_.begin(), entries_.end(), wanted,
        [](const Suspension& entry, const auto& key) { return key_of(entry) < key; });
    SuspensionMode mode = SuspensionMode::none;
    for (; at != entries_.end() && key_of(*at) == wanted; ++at) {
        if (at->since_s <= now_s && now_s <= at->until_s) mode = std::max(mode, at->mode);
    }
    return mode;
}

SectionTerms Suspensions::aged(std::string_view list, SectionTerms terms) const {
    for (const ListAge& age : ages_) {
        if (text_of(age.name) != list) continue;
        return {terms.not_after_s, age.fresh_until_s, age.weak_until_s, age.block_until_s};
    }
    return terms;
}

std::size_t Suspensions::in_force(std::uint64_t now_s) const {
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(),
        [=](const Suspension& entry) { return entry.since_s <= now_s && now_s <= entry.until_s; }));
}

std::string write_suspensions(std::vector<Suspension> entries, std::vector<ListAge> ages,
                              std::uint64_t written_s) {
    INVARIANT(entries.size() <= suspensions_max && ages.size() <= limits::sections_max);
    for (Suspension& entry : entries) {
        if (entry.what == SuspensionOf::generation) entry.value &= added_mask;
    }
    std::sort(ages.begin(), ages.end(), by_name);
    std::sort(entries.begin(), entries.end(), by_key);
    SuspensionsHead head = {suspensions_magic,
                            suspensions_version,
                            static_cast<std::uint32_t>(ages.size()),
                            static_cast<std::uint32_t>(entries.size()),
                            0,
                            written_s,
                            {}};
    std::string rest(as_text(bytes_of(ages)));
    rest.append(as_text(bytes_of(entries)));
    head.checksum = file_sum(&head, summed, as_bytes(rest));
    return std::string(reinterpret_cast<const char*>(&head), sizeof head) + rest;
}

}  // namespace cordon
