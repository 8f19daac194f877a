// A whole worker under a schedule that the input writes: segments of an upload in any order, cut,
// repeated, with other bytes or flags; ACKs and answers of the storage; time. Nothing may crash,
// and as long as no byte was changed:
//   - what the storage reads is a prefix of what the client sent;
//   - in `enforce` it never reads the whole of the known file, nor its end as the end of the
//   stream; nor, of a known file in parts of S3 or in segments whose names end in a number, the
//   list that makes an object of them, unless it had refused one of them itself.
// And whatever was changed, in `enforce`: five storages of different manners read exactly what was
// inspected. Every frame is counted in exactly one class, and no buffer, kept byte or flow is lost.
// The first bytes choose the upload and the world: limits so tiny that each is met, `observe`,
// timestamps, headers that lie, fragments.
#include <cstdio>
#include <cstdlib>

#include "tests/support/digest_text.h"
#include "tests/support/frame_ledger.h"
#include "tests/support/fuzz_input.h"
#include "tests/support/inspected_tap.h"
#include "tests/support/lab.h"
#include "tests/support/reassembly.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint8_t in_pieces = 160;  // from here on
constexpr std::uint8_t behind_a_full_pipeline = 192;

// Three pieces in any order, and the request that puts them together. A fourth may be left out.
std::string pieces(std::uint8_t which) {
    constexpr int orders[4][3] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
    const std::string known = known_content();
    const std::string folder = "/v1/AUTH_t/c_segments/big/";
    const bool has_segments = (which & 4) != 0;
    const auto name = [&](int number) {
        return has_segments ? folder + "0000000" + std::to_string(number)
                            : "/b/k?uploadId=U&partNumber=" + std::to_string(number + 1);
    };
    std::string requests, list;
    if ((which & 8) != 0) requests += put(name(3), "a decoy");
    for (const int number : orders[which & 3]) {
        const std::string bytes = known.substr(static_cast<std::size_t>(number) * 1000, 1000);
        requests += put(name(number), bytes);
    }
    for (int number = 0; number < 3; ++number) {
        if (!has_segments) {
            list += "<Part><PartNumber>" + std::to_string(number + 1) + "</PartNumber></Part>";
            continue;
        }
        const std::string bytes = known.substr(static_cast<std::size_t>(number) * 1000, 1000);
        list += std::string(number == 0 ? "[" : ",") + "{\"path\":\"" + name(number).substr(10) +
                "\",\"size_bytes\":1000,\"etag\":\"" + evp(EVP_md5(), as_bytes(bytes)) + "\"}";
    }
    if (has_segments) return requests + put("/v1/AUTH_t/c/big?multipart-manifest=put", list + "]");
    list = "<CompleteMultipartUpload>" + list + "</CompleteMultipartUpload>";
    return requests + "POST /b/k?uploadId=U HTTP/1.1\r\nHost: a\r\nContent-Length: " +
           std::to_string(list.size()) + "\r\n\r\n" + list;
}

std::string upload(std::uint8_t which) {
    const std::string known = known_content();
    if (which >= behind_a_full_pipeline) {
        std::string requests;
        for (std::size_t n = 0; n < limits::pipeline_max + which % 4; ++n)
            requests += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        return requests + put("/known", known);
    }
    if (which >= in_pieces) return pieces(which);
    switch (which % 5) {
        case 0:
            return put("/known", known);
        case 1:
            return put("/clean", "clean") + put("/known", known);
        case 2:
            return put("/known", known, "Expect: 100-continue\r\n");
        case 3:  // the file, and then bytes that let it go
            return put("/known", known + std::string(100, '?'));
        default:
            return "PUT /known HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5dc\r\n" +
                   known.substr(0, 1500) + "\r\n5dc\r\n" + known.substr(1500) + "\r\n0\r\n\r\n";
    }
}

// Built once: that takes longer than most schedules.
AlignedBytes copy_of_index() {
    static const AlignedBytes built = index_of_contents({known_content()});
    AlignedBytes copy(built.bytes().size());
    std::memcpy(copy.mutable_bytes().data(), built.bytes().data(), built.bytes().size());
    return copy;
}

constexpr std::size_t refusing_answer = 2;
constexpr std::string_view answers[] = {
    "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
};

class Schedule {
  public:
    explicit Schedule(Bytes bytes)
        : input_(bytes),
          which_(input_.byte()),
          world_(input_.byte()),
          stream_(upload(which_)),
          lab_(options_of(world_), 128),
          enforces_((world_ & 1) == 0),
          passes_((world_ >> 5 & 3) == 3) {
        lab_.use(copy_of_index());
        if ((world_ & 8) != 0) lab_.client_clock = lab_.storage_clock = 0xfffffff0;
        if ((world_ & 128) != 0) lab_.fragment_bytes = 400;
        inspected.clear();
        for (const Stack stack : all_stacks) {
            storages_.emplace_back(stack, storage_isn);
            storages_.back().sent_to_client = 60000;
        }
        lab_.at_storage = [this](const Segment& segment) {
            if (segment.source.port != lab_.client_port) return;
            for (Receiver& one : storages_)
                one.receive(segment);
        };
        lab_.connect();
    }

    void run() {
        for (int turns = 0; turns < 200 && !input_.empty(); ++turns) {
            const std::uint8_t what = input_.byte() % 16;
            // The lab's storage acknowledges for all: who has less has no part any more.
            std::erase_if(storages_,
                          [this](const Receiver& one) { return one.next() < lab_.stored.size(); });
            if (what < 10)
                turn(what);
            else
                rare_turn(what);
            judge();
        }
        lab_.port.accept_at_most(Side::storage, SIZE_MAX);
        lab_.port.allocate_at_most(SIZE_MAX);
        for (int n = 0; n < 4; ++n)
            lab_.step(61'000'000);
        judge();
        for (int n = 0; n < 3; ++n)
            lab_.step(7'201'000'000);
        judge();
        check(lab_.worker->flows() == 0, "every flow ends");
        check(lab_.worker->kept_bytes() == 0, "every kept byte is given back");
        check(lab_.port.outstanding() == 0, "every buffer is given back");
    }

  private:
    static Options options_of(std::uint8_t world) {
        Options options = lab_options();
        if ((world & 1) != 0) options.services[0].mode = ServiceMode::observe;
        if ((world & 2) != 0) {
            options.kept_bytes_flow_max = 4 * limits::kept_block_bytes;
            options.kept_bytes_worker_max = 6 * limits::kept_block_bytes;
        }
        if ((world & 4) != 0) {
            options.messages_max = 1;
            options.flows_max = 2;
            options.drain_bytes_max = 100;
        }
        if ((world & 16) != 0) options.services[0].proxy_protocol = ProxyProtocol::accept;
        ServiceOptions& service = options.services[0];
        constexpr UninspectedAction actions[] = {
            UninspectedAction::refuse, UninspectedAction::reset, UninspectedAction::refuse,
            UninspectedAction::pass};
        service.on_tls = service.on_unparsable = service.on_limit = actions[world >> 5 & 3];
        constexpr MidstreamAction midstream[] = {MidstreamAction::retire, MidstreamAction::reset,
                                                 MidstreamAction::refuse, MidstreamAction::pass};
        service.on_midstream = midstream[world >> 5 & 3];
        return options;
    }

    // What happens seldom: to the worker from outside, at the storage, on other connections.
    void rare_turn(std::uint8_t what) {
        switch (what) {
            case 10: {  // the storage's answer, cut, reordered, repeated, with a FIN or RST
                const std::string_view all = an_answer();
                const std::size_t at = input_.byte() % all.size();
                const std::uint8_t kind = input_.byte();
                std::uint8_t flags = tcp_flag::ack;
                if (kind % 4 == 1) flags |= tcp_flag::fin;
                if (kind % 16 == 2) flags = tcp_flag::rst | tcp_flag::ack;
                push_storage(storage_isn + 1 + static_cast<std::uint32_t>(at), flags,
                             all.substr(at, 1 + input_.byte() % 40));
                return lab_.step();
            }
            case 11:  // a reset of the worker's world
                switch (input_.byte() % 4) {
                    case 0:
                        passes_ = true;
                        return lab_.worker->bypassed(0);
                    case 1:
                        passes_ = true;
                        return lab_.worker->use_index(nullptr);
                    case 2:
                        return lab_.use_again();
                    default:
                        passes_ = true;
                        return lab_.worker->set_mode(0, static_cast<ServiceMode>(input_.byte() % 3),
                                                     0);
                }
            case 12:  // buffers run out, and come back
                lab_.port.allocate_at_most(input_.byte() % 2 == 0 ? 0 : SIZE_MAX);
                return;
            case 13: {  // other connections
                const auto port = static_cast<std::uint16_t>(1 + input_.byte() % 4);
                const std::uint8_t flags = input_.byte();
                lab_.port.push(Side::client, Packet()
                                                 .ipv4("10.0.0.9", "10.0.0.2")
                                                 .ports(port, 80)
                                                 .sequence(input_.byte())
                                                 .flags(flags % 2 == 0 ? tcp_flag::syn : flags)
                                                 .payload(input_.rest().substr(0, flags % 32))
                                                 .frame());
                return lab_.step();
            }
            case 14:  // lost behind us; the client's and the storage's clocks move
                lab_.port.accept_at_most(Side::storage, input_.byte() % 2 == 0 ? 0 : SIZE_MAX);
                if ((world_ & 8) != 0) {
                    lab_.client_clock += input_.byte();
                    lab_.storage_clock += input_.byte();
                }
                return;
            default: {  // several at once: the verdict waits for the end of the burst
                for (unsigned n = input_.byte() % 4U; n > 0; --n) {
                    const std::string_view part =
                        std::string_view(stream_).substr(next_, 1 + input_.word() % 1400);
                    if (part.empty()) break;
                    push_client(next_, part, input_.byte() % 8 == 0);
                    next_ += part.size();
                }
                return lab_.step();
            }
        }
    }

    std::string_view an_answer() {
        const std::size_t which = input_.byte() % std::size(answers);
        refused_ = refused_ || which == refusing_answer;
        return answers[which];
    }

    void push_client(std::size_t at, std::string_view part, bool fin) {
        const unsigned flags = tcp_flag::ack | (fin ? tcp_flag::fin : 0U);
        lab_.push_client(lab_.client_packet()
                             .sequence(lab_.isn + 1 + static_cast<std::uint32_t>(at))
                             .acknowledgement(lab_.client_acked)
                             .flags(static_cast<std::uint8_t>(flags))
                             .payload(part)
                             .frame());
    }
    void push_storage(std::uint32_t sequence, std::uint8_t flags, std::string_view bytes) {
        lab_.port.push(
            Side::storage,
            lab_.storage_packet()
                .sequence(sequence)
                .acknowledgement(lab_.isn + 1 + static_cast<std::uint32_t>(lab_.stored.size()))
                .flags(flags)
                .payload(bytes)
                .frame());
    }

    void turn(std::uint8_t what) {
        switch (what) {
            case 0:
            case 1:
            case 2: {  // the upload, wherever it stands
                const std::size_t size = 1 + input_.word() % 1400;
                const std::string_view part = std::string_view(stream_).substr(next_, size);
                if (!part.empty()) lab_.segment(next_, part);
                next_ += part.size();
                return;
            }
            case 3: {  // any part of it again, or ahead
                const std::size_t at = input_.word() % stream_.size();
                lab_.segment(at, std::string_view(stream_).substr(at, 1 + input_.word() % 1400));
                return;
            }
            case 4:
                return lab_.acknowledge();
            case 5:
                return lab_.step(input_.word());
            case 6:
                lab_.send_ack();
                return lab_.respond(an_answer());
            case 7: {  // FIN or RST where the client stands, or thereabouts
                const std::size_t back = input_.byte() % 2 == 0 ? 0 : input_.byte();
                lab_.segment(next_ - std::min(next_, back), {},
                             input_.byte() % 2 == 0 ? tcp_flag::fin | tcp_flag::ack
                                                    : tcp_flag::rst | tcp_flag::ack);
                return;
            }
            case 8: {  // anything at all
                changed_ = true;
                if ((world_ & 32) != 0) return lie_in_header();
                const std::uint64_t at = input_.word();
                const std::uint8_t flags = input_.byte();
                const std::string bytes(input_.rest().substr(0, input_.byte()));
                lab_.segment(at, bytes, flags);
                return;
            }
            default: {  // the right place, other bytes
                changed_ = true;
                std::string part = stream_.substr(next_, 1 + input_.word() % 1400);
                if (part.empty()) return;
                part[input_.word() % part.size()] = static_cast<char>(input_.byte());
                lab_.segment(next_, part);
                next_ += part.size();
            }
        }
    }

    // A segment about where the client stands that says one thing more or other than it should.
    void lie_in_header() {
        const std::size_t at = next_ - std::min<std::size_t>(next_, input_.byte() * 8U);
        std::string part = stream_.substr(at, 1 + input_.word() % 1400);
        const std::uint8_t what = input_.byte();
        if (!part.empty() && what % 2 == 0) part[input_.word() % part.size()] ^= 1;
        const auto offset = static_cast<std::uint32_t>(at);
        Packet packet = lab_.client_packet()
                            .sequence(lab_.isn + 1 + offset)
                            .acknowledgement(lab_.client_acked)
                            .flags(tcp_flag::ack)
                            .payload(part);
        switch (what / 2 % 8) {
            case 0:
                packet.acknowledgement(lab_.client_acked + (input_.word() << 16));
                break;
            case 1:
                packet.flags(tcp_flag::ack | tcp_flag::urg).urgent(input_.byte());
                break;
            case 2:
                packet.option({30, 4, 0x20, 1});
                break;
            case 3:
                packet.bad_tcp_checksum();
                break;
            case 4:
                packet.ports(80, lab_.client_port).ipv4("10.0.0.2", "10.0.0.1");
                break;
            case 5:
                packet.sequence(lab_.isn + 1 + offset + (input_.word() << 8));
                break;
            case 6:
                packet.flags(input_.byte());
                break;
            default:
                if (lab_.client_clock == 0) packet.timestamps(input_.word() << 16, 1);
        }
        lab_.port.push(Side::client, packet.frame());
        lab_.step();
    }

    void judge() {
        const bool parsed = (world_ & 16) == 0;  // else a PROXY header is read before the tap
        if (enforces_ && !passes_ && parsed) {
            for (const Receiver& one : storages_)
                check(inspected.starts_with(one.read), "a storage reads what was inspected");
        }
        check(frames_balance(lab_.worker->counters()), "every frame is in one class");
        check(lab_.port.outstanding() <= lab_.worker->flows(), "at most a tail's frame is held");
        if (changed_) return;
        check(stream_.starts_with(lab_.stored), "the storage reads what was sent");
        if (!enforces_ || passes_) return;
        check(!lab_.storage_fin || !lab_.stored.ends_with(known_content()),
              "the known file is never the end of a stream");
        if (which_ >= in_pieces && which_ < behind_a_full_pipeline) {
            check(refused_ || lab_.stored.size() < stream_.size(),
                  "pieces of the known file never become an object");
            return;
        }
        if (which_ < in_pieces && which_ % 5 == 3) return;
        check(lab_.stored.find(known_content()) == std::string::npos,
              "the known file is never whole at the storage");
    }

    FuzzInput input_;
    std::uint8_t which_;
    std::uint8_t world_;
    std::string stream_;
    Lab lab_;
    std::vector<Receiver> storages_;
    std::size_t next_ = 0;
    bool enforces_;
    bool passes_;  // somebody allowed it to pass
    bool changed_ = false;
    bool refused_ = false;  // the storage may have refused a piece
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) return 0;
    Schedule(Bytes(data, size)).run();
    return 0;
}
