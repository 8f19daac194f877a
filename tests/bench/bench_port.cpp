#include "tests/bench/bench_port.h"

#include <algorithm>
#include <cstring>

#include "dataplane/decode/decode.h"

namespace cordon::bench {

namespace {

constexpr std::size_t buffer_bytes = 2048;
// In bursts and queues; and a worker may hold a frame of each flow, the tail of its object.
constexpr std::size_t buffers_least = 256;
constexpr std::size_t header_bytes = 14 + 20 + 20;
constexpr std::size_t segment_bytes = 1460;
constexpr std::uint32_t window_bytes = 32 * segment_bytes;
constexpr std::uint32_t acknowledge_every = 2 * segment_bytes;
constexpr std::uint16_t first_port = 10000;
constexpr std::uint32_t isn = 1;

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

std::uint32_t folded(std::uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

std::uint32_t sum_of(const std::uint8_t* bytes, std::size_t length) {
    return folded(checksum_add({bytes, length}, 0));
}

// Takes the time of the port itself out of what is measured.
class PortTime {
  public:
    explicit PortTime(std::uint64_t* total) : total_(total), since_(read_cycles()) {}
    // Cycles of the worker alone, from some moment on.
    std::uint64_t worker_clock() const { return since_ - *total_; }
    ~PortTime() { *total_ += read_cycles() - since_; }
    PortTime(const PortTime&) = delete;
    PortTime& operator=(const PortTime&) = delete;

  private:
    std::uint64_t* total_;
    std::uint64_t since_;
};

}  // namespace

void put_into_memory(const std::uint8_t* bytes, std::size_t count) {
    constexpr std::size_t line = 64;
    for (std::size_t at = 0; at < count + line; at += line)
        __builtin_ia32_clflush(bytes + std::min(at, count - 1));
    __builtin_ia32_mfence();
}

struct BenchPort::Client {
    enum class Stage : std::uint8_t { closed, connecting, open };
    std::uint8_t up[header_bytes];    // client → storage
    std::uint8_t down[header_bytes];  // storage → client
    std::uint64_t objects_due = 0;
    std::size_t piece = 0;           // next of the request
    std::uint32_t sent = 0;          // bytes of the stream
    std::uint32_t stored = 0;        // at the storage
    std::uint32_t acknowledged = 0;  // told to the worker
    std::uint32_t answered = 0;      // bytes of the storage's stream
    std::uint32_t answers_due = 0;
    std::uint32_t stored_in_object = 0;
    bool handshake_due = false;  // the SYN-ACK
    Stage stage = Stage::closed;
};

BenchPort::BenchPort(std::uint32_t flows, std::uint64_t object_bytes, bool from_memory)
    : from_memory_(from_memory), clients_(flows) {
    request_ =
        "PUT /bench HTTP/1.1\r\nHost: bench\r\nContent-Length: " + std::to_string(object_bytes) +
        "\r\n\r\n";
    const std::size_t head = request_.size();
    request_.resize(head + object_bytes);
    std::uint32_t random = 1;
    for (std::size_t n = head; n < request_.size(); ++n) {
        random = random * 1664525 + 1013904223;
        request_[n] = static_cast<char>(random >> 24);
    }
    // Behind what tells the type of a file: a number may begin like an archive.
    constexpr std::size_t behind_signatures = 64;
    const std::size_t even = head + head % 2 + behind_signatures;  // as the checksum counts
    if (even + sizeof serial_ <= std::min(request_.size(), segment_bytes)) {
        serial_at_ = even;
        std::memset(request_.data() + even, 0, sizeof serial_);
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(request_.data());
    for (std::size_t at = 0; at < request_.size(); at += segment_bytes) {
        const std::size_t length = std::min(segment_bytes, request_.size() - at);
        pieces_.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length),
                           sum_of(bytes + at, length)});
    }
    for (std::uint32_t n = 0; n < flows; ++n) {
        const auto write = [&](std::uint8_t* out, bool up) {
            std::memset(out, 0, header_bytes);
            out[0] = out[6] = 2;
            out[up ? 5 : 11] = 1;
            store_be16(out + 12, 0x0800);
            std::uint8_t* ip = out + 14;
            ip[0] = 0x45;
            ip[6] = 0x40;
            ip[8] = 64;
            ip[9] = 6;
            const std::uint32_t ends[2] = {0x0a000001, 0x0a000002};
            store_be32(ip + 12, ends[up ? 0 : 1]);
            store_be32(ip + 16, ends[up ? 1 : 0]);
            std::uint8_t* tcp = ip + 20;
            const auto port = static_cast<std::uint16_t>(first_port + n);
            store_be16(tcp, up ? port : std::uint16_t{80});
            store_be16(tcp + 2, up ? std::uint16_t{80} : port);
            tcp[12] = 0x50;
            store_be16(tcp + 14, 0xffff);
        };
        write(clients_[n].up, true);
        write(clients_[n].down, false);
    }
    for (std::size_t n = 0; n < buffers_least + flows; ++n) {
        memory_.push_back(std::make_unique<std::uint8_t[]>(buffer_bytes + sizeof(std::uint64_t)));
        free_.push_back(memory_.back().get());
    }
}

BenchPort::~BenchPort() = default;

void BenchPort::start(std::uint64_t objects) {
    for (Client& client : clients_)
        client.objects_due += objects;
    unfinished_ += objects * clients_.size();
}

namespace {

// Completes a frame whose header stands at `out` and whose payload follows it.
std::uint32_t finish_frame(std::uint8_t* out, std::uint32_t sequence, std::uint32_t ack,
                           std::uint8_t flags, std::uint32_t length, std::uint32_t payload_sum) {
    std::uint8_t* ip = out + 14;
    std::uint8_t* tcp = ip + 20;
    store_be16(ip + 2, static_cast<std::uint16_t>(40 + length));
    store_be16(ip + 10, 0);
    store_be16(ip + 10, static_cast<std::uint16_t>(~sum_of(ip, 20)));
    store_be32(tcp + 4, sequence);
    store_be32(tcp + 8, ack);
    tcp[13] = flags;
    store_be16(tcp + 16, 0);
    std::uint32_t sum = sum_of(tcp, 20) + payload_sum + sum_of(ip + 12, 8) + 6 + 20 + length;
    sum = folded(sum);
    store_be16(tcp + 16, static_cast<std::uint16_t>(~sum));
    return static_cast<std::uint32_t>(header_bytes) + length;
}

}  // namespace

// The next frame of a client; 0 when it has nothing to send now.
std::uint32_t BenchPort::write_client_frame(Client& client, std::uint8_t* out) {
    if (client.stage == Client::Stage::connecting) return 0;
    std::memcpy(out, client.up, header_bytes);
    if (client.stage == Client::Stage::closed) {
        client.stage = Client::Stage::connecting;
        client.handshake_due = true;
        return finish_frame(out, isn, 0, tcp_flag::syn, 0, 0);
    }
    const std::uint32_t ack = isn + 1 + client.answered;
    if (client.objects_due == 0 || client.sent - client.acknowledged >= window_bytes) return 0;
    const Piece& piece = pieces_[client.piece];
    std::memcpy(out + header_bytes, request_.data() + piece.at, piece.length);
    const std::uint32_t sum =
        piece.sum + (client.piece == 0 ? write_serial(out + header_bytes) : 0);
    const std::uint32_t length =
        finish_frame(out, isn + 1 + client.sent, ack, tcp_flag::ack, piece.length, sum);
    client.sent += piece.length;
    if (++client.piece == pieces_.size()) {
        client.piece = 0;
        --client.objects_due;
    }
    return length;
}

// Returns what it adds to the sum of the payload.
std::uint32_t BenchPort::write_serial(std::uint8_t* payload) {
    if (serial_at_ == no_serial) return 0;
    ++serial_;
    std::memcpy(payload + serial_at_, &serial_, sizeof serial_);
    return sum_of(payload + serial_at_, sizeof serial_);
}

std::uint32_t BenchPort::write_storage_frame(Client& client, std::uint8_t* out) {
    std::memcpy(out, client.down, header_bytes);
    if (client.handshake_due) {
        client.handshake_due = false;
        client.stage = Client::Stage::open;
        return finish_frame(out, isn, isn + 1, tcp_flag::syn | tcp_flag::ack, 0, 0);
    }
    const std::uint32_t ack = isn + 1 + client.stored;
    if (client.answers_due != 0) {
        --client.answers_due;
        std::memcpy(out + header_bytes, created.data(), created.size());
        const auto size = static_cast<std::uint32_t>(created.size());
        const std::uint32_t length =
            finish_frame(out, isn + 1 + client.answered, ack, tcp_flag::ack | tcp_flag::psh, size,
                         sum_of(out + header_bytes, size));
        client.answered += size;
        client.acknowledged = client.stored;
        return length;
    }
    if (client.stored - client.acknowledged < acknowledge_every) return 0;
    client.acknowledged = client.stored;
    return finish_frame(out, isn + 1 + client.answered, ack, tcp_flag::ack, 0, 0);
}

std::size_t BenchPort::receive(Side side, Frame* frames, std::size_t count) {
    const PortTime time(&port_cycles_);
    const bool from_clients = side == Side::client;
    std::uint32_t& next = from_clients ? next_client_ : next_storage_;
    std::size_t got = 0;
    for (std::size_t tried = 0; got < count && tried < clients_.size(); ++tried) {
        Client& client = clients_[next];
        next = (next + 1) % static_cast<std::uint32_t>(clients_.size());
        if (free_.empty()) break;
        std::uint8_t* out = free_.back();
        const std::uint32_t length =
            from_clients ? write_client_frame(client, out) : write_storage_frame(client, out);
        if (length == 0) continue;
        free_.pop_back();
        // Behind what the worker may use: when it got the frame.
        const std::uint64_t came = time.worker_clock();
        std::memcpy(out + buffer_bytes, &came, sizeof came);
        if (from_memory_) put_into_memory(out, length);
        frames[got++] = {out, length, buffer_bytes, nullptr};
    }
    packets_ += got;
    return got;
}

std::size_t BenchPort::transmit(Side side, Frame* frames, std::size_t count) {
    const PortTime time(&port_cycles_);
    for (std::size_t n = 0; n < count; ++n) {
        if (side == Side::storage) note_stored(frames[n], time.worker_clock());
        free_.push_back(frames[n].data);
    }
    return count;
}

// What the storage receives, in order: the worker forwards in order here, as nothing is lost.
void BenchPort::note_stored(const Frame& frame, std::uint64_t worker_clock) {
    const std::uint8_t* tcp = frame.data + 34;
    Client& client = clients_[load_be16(tcp) - first_port];
    const std::size_t header = 34 + static_cast<std::size_t>(tcp[12] >> 4) * 4;
    const auto length = static_cast<std::uint32_t>(frame.length - header);
    if (length == 0) return;
    client.stored += length;
    client.stored_in_object += length;
    const bool is_last = client.stored_in_object >= request_.size();
    std::uint64_t came = 0;
    std::memcpy(&came, frame.data + buffer_bytes, sizeof came);
    (is_last ? held_ : passed_).add(worker_clock - came);
    if (!is_last) return;
    client.stored_in_object = 0;
    ++client.answers_due;
    --unfinished_;
}

std::uint64_t BenchPort::Stays::median() const {
    std::vector<std::uint64_t> sorted(cycles_.begin(),
                                      cycles_.begin() + std::min(count_, cycles_.size()));
    if (sorted.empty()) return 0;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
}

bool BenchPort::allocate(Side, Frame* frame) {
    if (free_.empty()) return false;
    *frame = {free_.back(), 0, buffer_bytes, nullptr};
    free_.pop_back();
    return true;
}

void BenchPort::release(Frame* frame) {
    free_.push_back(frame->data);
    *frame = Frame{};
}

}  // namespace cordon::bench
