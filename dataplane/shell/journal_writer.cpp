#include "dataplane/shell/journal_writer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "dataplane/base/invariant.h"

namespace cordon {

namespace {

// More is no segment of ours, and not read into memory.
constexpr std::uint64_t segment_bytes_max = 64u << 20;

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string making_name(std::uint64_t number) {
    return segment_name(spare_prefix, number) + ".tmp";
}

}  // namespace

// The segment with the highest number whose header verifies.
struct Journal::Tail {
    std::uint64_t number = 0;
    std::uint64_t damaged_above = 0;  // highest number of those that do not verify, 0: none
    bool found = false;
    JournalId id{};
    std::vector<std::uint8_t> content;
    std::size_t end = 0;  // of the records that verify
    std::uint64_t next = 1;
};

Journal::Journal(Files& files, JournalOptions options)
    : files_(files), options_(std::move(options)) {
    INVARIANT(options_.segment_bytes % 8 == 0 && options_.segment_bytes <= segment_bytes_max);
    record_.resize(record_bytes(journal_payload_max));
    zeros_.resize(options_.step_bytes);
}

Journal::~Journal() {
    close_all();
}

JournalResult Journal::append(RecordType type, Bytes payload, std::uint64_t* sequence) {
    INVARIANT(payload.size() <= journal_payload_max);
    const std::size_t bytes = record_bytes(payload.size());
    INVARIANT(sizeof(SegmentHeader) + bytes <= options_.segment_bytes);
    if (!usable_) return JournalResult::broken;
    if (active_ == no_file || active_bytes_ - offset_ < bytes) {
        const JournalResult rolled = roll();
        if (rolled != JournalResult::ok) return rolled;
    }
    write_record(type, next_, payload, record_);
    if (int failed = files_.write(active_, offset_, Bytes(record_).first(bytes))) {
        return broken(failed);
    }
    offset_ += bytes;
    dirty_ = true;
    *sequence = next_++;
    return JournalResult::ok;
}

JournalResult Journal::sync() {
    if (!usable_) return JournalResult::broken;
    if (!dirty_) return JournalResult::ok;
    if (int failed = files_.sync(active_)) return broken(failed);
    if (int failed = files_.is_at(active_, active_path_)) return broken(failed);
    dirty_ = false;
    durable_ = next_ - 1;
    return JournalResult::ok;
}

JournalResult Journal::leave() {
    if (!usable_ || active_ == no_file || !holds_records()) return JournalResult::ok;
    if (spares_.size() < options_.spare_segments) return JournalResult::ok;
    return roll();
}

JournalResult Journal::roll() {
    // What was appended must be durable before anything is appended behind it: recovery looks for
    // the end in the last segment only.
    const JournalResult synced = sync();
    if (synced != JournalResult::ok) return synced;
    if (spares_.empty()) return JournalResult::full;
    FileHandle file = no_file;
    const int failed = promote(segment_name(spare_prefix, spares_.back()), &file);
    if (failed != 0) {
        if (file != no_file) files_.close(file);
        return broken(failed);
    }
    spares_.pop_back();
    if (active_ != no_file) files_.close(active_);
    active_ = file;
    active_path_ = path(segment_name(incident_prefix, next_));
    active_bytes_ = options_.segment_bytes;
    offset_ = sizeof(SegmentHeader);
    return JournalResult::ok;
}

// The header is durable before the name, and the name before the first record: a segment that can
// be seen always verifies, and a record that is durable can always be found.
int Journal::promote(const std::string& spare, FileHandle* file) {
    if (int failed = files_.open(path(spare), file)) return failed;
    const SegmentHeader header = make_segment_header(id_, next_);
    const Bytes bytes{reinterpret_cast<const std::uint8_t*>(&header), sizeof header};
    if (int failed = files_.write(*file, 0, bytes)) return failed;
    if (int failed = files_.sync(*file)) return failed;
    const std::string name = segment_name(incident_prefix, next_);
    if (int failed = files_.rename(path(spare), path(name))) return failed;
    return files_.sync_directory(options_.directory);
}

// --- recovery ------------------------------------------------------------------------------------

int Journal::open() {
    close_all();
    last_error_ = recover();
    usable_ = last_error_ == 0;
    if (!usable_) close_all();
    return last_error_;
}

int Journal::recover() {
    if (int failed = files_.make_directory(options_.directory)) return failed;
    if (int failed = files_.sync_directory(parent_of(options_.directory))) return failed;
    std::vector<std::uint64_t> segments;
    if (int failed = sort_out(&segments)) return failed;
    Tail tail;
    if (int failed = find_tail(segments, &tail)) return failed;
    if (int failed = adopt(&tail, next_)) return failed;
    // A name that an earlier life made, and did not live to sync.
    if (int failed = files_.sync_directory(options_.directory)) return failed;
    durable_ = tail.next - 1;
    return 0;
}

// Takes stock of the directory; what an earlier life was making is removed, it may be incomplete.
int Journal::sort_out(std::vector<std::uint64_t>* segments) {
    std::vector<std::string> names;
    if (int failed = files_.list(options_.directory, &names)) return failed;
    for (const std::string& name : names) {
        std::uint64_t number = 0;
        if (parse_segment_name(name, incident_prefix, &number)) segments->push_back(number);
        const bool spare = parse_segment_name(name, spare_prefix, &number);
        if (spare) spare_number_ = std::max(spare_number_, number);
        if (spare && spare_fits(name)) {
            spares_.push_back(number);
        } else if (spare || (name.starts_with(spare_prefix) && name.ends_with(".tmp"))) {
            if (int failed = files_.remove(path(name))) return failed;
        }
    }
    return 0;
}

// False for one that was made for another size of segments.
bool Journal::spare_fits(const std::string& name) {
    FileHandle file = no_file;
    if (files_.open(path(name), &file) != 0) return false;
    std::uint64_t bytes = 0;
    const int failed = files_.size(file, &bytes);
    files_.close(file);
    return failed == 0 && bytes == options_.segment_bytes;
}

int Journal::find_tail(const std::vector<std::uint64_t>& segments, Tail* tail) {
    for (auto number = segments.rbegin(); number != segments.rend() && !tail->found; ++number) {
        if (int failed = read_tail(*number, tail)) return failed;
        if (!tail->found) tail->damaged_above = std::max(tail->damaged_above, *number);
    }
    return 0;
}

int Journal::read_tail(std::uint64_t number, Tail* tail) {
    FileHandle file = no_file;
    const int failed = files_.open_to_read(path(segment_name(incident_prefix, number)), &file);
    if (failed != 0) return failed == ENOENT ? 0 : failed;  // the reader has just removed it
    std::uint64_t bytes = 0;
    int read_failed = files_.size(file, &bytes);
    if (read_failed == 0 && bytes <= segment_bytes_max) {
        tail->content.resize(bytes);
        std::size_t got = 0;
        read_failed = files_.read(file, 0, tail->content, &got);
        tail->content.resize(got);
    }
    files_.close(file);
    SegmentHeader header;
    if (read_failed != 0 || !read_segment_header(tail->content, &header)) return read_failed;
    if (header.first_sequence != number) return 0;
    tail->found = true;
    tail->number = number;
    std::copy(std::begin(header.journal_id), std::end(header.journal_id), tail->id.begin());
    RecordCursor cursor(tail->content, header.first_sequence);
    for (RecordView record; cursor.next(&record);) {}
    tail->end = cursor.offset();
    tail->next = cursor.sequence();
    return 0;
}

// `floor`: in this process sequences below were given out, and a reader may have stored records
// that the disk has lost since. They are not given out again.
int Journal::adopt(Tail* tail, std::uint64_t floor) {
    // Where the directory has vanished the journal goes on as the same one, so that the reader
    // misses what was in it.
    if (tail->found || !has_id_) id_ = tail->found ? tail->id : options_.fresh_id;
    has_id_ = true;
    next_ = std::max(tail->next, floor);
    if (tail->damaged_above != 0) {
        // How many records a segment held that cannot be read is not known, but fewer than this.
        next_ = std::max(next_, tail->damaged_above + segment_bytes_max);
    }
    if (!tail->found) return 0;
    if (int failed = mend(*tail)) return failed;
    if (tail->next == next_) return 0;
    files_.close(active_);  // its end is not where the next record belongs: a new segment
    active_ = no_file;
    return 0;
}

int Journal::mend(const Tail& tail) {
    active_path_ = path(segment_name(incident_prefix, tail.number));
    if (int failed = files_.open(active_path_, &active_)) return failed;
    if (int failed = files_.write(active_, 0, Bytes(tail.content).first(tail.end))) return failed;
    for (std::size_t at = tail.end; at < tail.content.size(); at += zeros_.size()) {
        const std::size_t bytes = std::min(zeros_.size(), tail.content.size() - at);
        if (int failed = files_.write(active_, at, Bytes(zeros_).first(bytes))) return failed;
    }
    active_bytes_ = tail.content.size();
    offset_ = tail.end;
    return files_.sync(active_);
}

// --- spares --------------------------------------------------------------------------------------

TendResult Journal::tend() {
    if (!usable_) return TendResult::idle;
    if (making_ == no_file) {
        if (spares_.size() >= options_.spare_segments) return TendResult::idle;
        if (int failed = begin_spare()) return give_up_spare(failed);
        return TendResult::more;
    }
    if (made_bytes_ == options_.segment_bytes) {
        if (int failed = finish_spare()) return give_up_spare(failed);
        return spares_.size() < options_.spare_segments ? TendResult::more : TendResult::idle;
    }
    // Zeros are written although the place is allocated: it makes later syncs cheap (the file
    // system has no extent to convert), and the sync here keeps each of them short.
    const std::uint64_t left = options_.segment_bytes - made_bytes_;
    const std::size_t bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros_.size()));
    if (int failed = files_.write(making_, made_bytes_, Bytes(zeros_).first(bytes))) {
        return give_up_spare(failed);
    }
    if (int failed = files_.sync(making_)) return give_up_spare(failed);
    made_bytes_ += bytes;
    return TendResult::more;
}

int Journal::begin_spare() {
    ++spare_number_;
    made_bytes_ = 0;
    if (int failed = files_.create(path(making_name(spare_number_)), &making_)) return failed;
    return files_.allocate(making_, options_.segment_bytes);
}

int Journal::finish_spare() {
    const std::string name = segment_name(spare_prefix, spare_number_);
    if (int failed = files_.rename(path(making_name(spare_number_)), path(name))) return failed;
    if (int failed = files_.sync_directory(options_.directory)) return failed;
    files_.close(making_);
    making_ = no_file;
    spares_.push_back(spare_number_);
    return 0;
}

TendResult Journal::give_up_spare(int failed) {
    last_error_ = failed;
    if (making_ != no_file) files_.close(making_);
    making_ = no_file;
    files_.remove(path(making_name(spare_number_)));  // or the next open() does
    return TendResult::failed;
}

// -------------------------------------------------------------------------------------------------

JournalResult Journal::broken(int failed) {
    last_error_ = failed;
    usable_ = false;
    return JournalResult::broken;
}

void Journal::close_all() {
    if (active_ != no_file) files_.close(active_);
    if (making_ != no_file) files_.close(making_);
    active_ = no_file;
    making_ = no_file;
    spares_.clear();
    usable_ = false;
    dirty_ = false;
}

}  // namespace cordon
