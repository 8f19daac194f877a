// Every limit that a client can reach, reached by a client that has the known file behind it, or in
// it. Each time: the file is never whole at the storage, the outcome has its name, and the next
// connection is served as if nothing were. What a limit is for stands in base/limits.h.
//
//   by on_limit (refuse, reset, pass)     head_bytes_max, headers_max, chunk line, trailer
//                                         (worker_policy_test.cpp tries each action)
//   always 400 (on_unparsable)            proxy_header_bytes_max, empty_lines_max
//   always slowed: dropped or kept back,  pipeline_max, gaps_max, kept_bytes_flow_max,
//   and not acknowledged                  kept_bytes_worker_max, messages_max, flows_max,
//                                         drain_bytes_max, buffers, queues
//   never released                        answers_max, the recorder, journal_ms_max, absorb_seconds
//   dropped before any flow               extension_headers_max
#include "dataplane/http/message.h"
#include "dataplane/worker/answer.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

std::unique_ptr<Lab> lab_with(const Options& options, std::size_t buffers = 4096) {
    auto lab = std::make_unique<Lab>(options, buffers);
    lab->use(index_of_contents({known_content()}));
    lab->connect();
    return lab;
}

bool never_whole(const Lab& lab) {
    return lab.stored.find(known_content()) == std::string::npos;
}

// Another connection: a clean file passes, the known one is refused.
void others_are_served(Lab& lab) {
    lab.connect();
    const std::string clean = put("/clean", std::string(3000, 'c'));
    lab.send(clean);
    assert_true(lab.stored == clean);
    lab.respond(created);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.answer.starts_with(std::string(created) + "HTTP/1.1 403 "));
    assert_true(never_whole(lab));
}

std::string request_with(std::string_view fields, std::string_view body) {
    return "PUT /known HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

void the_limits_of_a_head_refuse(void**) {
    const std::string length = "Content-Length: 3000\r\n";
    std::string many;
    for (std::size_t n = 0; n <= limits::headers_max; ++n)
        many += "X: y\r\n";
    const std::string heads[] = {
        request_with("X: " + std::string(limits::head_bytes_max, 'x') + "\r\n" + length,
                     known_content()),
        request_with(many + length, known_content()),
        "PUT /" + std::string(limits::head_bytes_max, 'x') + " HTTP/1.1\r\nHost: a\r\n" + length +
            "\r\n" + known_content(),
    };
    for (const std::string& head : heads) {
        const auto lab = lab_with(lab_options());
        lab->send(head, 1400);
        assert_true(lab->answer.starts_with("HTTP/1.1 431 "));
        assert_true(lab->storage_reset);
        assert_true(never_whole(*lab));
        assert_int_equal(lab->count(Outcome::http_head_too_long), 1);
        others_are_served(*lab);
    }
}

// The bytes that exceed come after the file: it was looked up before.
void the_limits_of_chunk_framing_refuse(void**) {
    const std::string head = request_with("Transfer-Encoding: chunked\r\n", "");
    const std::string extension = ";x=" + std::string(limits::chunk_line_bytes_max, 'x');
    const auto before = lab_with(lab_options());
    before->send(head + "bb8" + extension + "\r\n" + known_content() + "\r\n0\r\n\r\n", 1400);
    assert_true(before->answer.starts_with("HTTP/1.1 400 "));
    assert_true(never_whole(*before));
    assert_int_equal(before->count(Outcome::http_chunk_too_long), 1);
    others_are_served(*before);

    const std::string behind[] = {
        "0" + extension + "\r\n\r\n",
        "0\r\nX: " + std::string(limits::trailer_bytes_max, 'x') + "\r\n\r\n",
    };
    for (const std::string& end : behind) {
        const auto lab = lab_with(lab_options());
        lab->send(head + "bb8\r\n" + known_content() + "\r\n" + end, 1400);
        lab->step(2000);
        assert_true(lab->answer.starts_with("HTTP/1.1 403 "));
        assert_true(never_whole(*lab));
        assert_int_equal(lab->count(Outcome::http_chunk_too_long), 1);
        others_are_served(*lab);
    }
}

void the_limits_before_a_request_refuse(void**) {
    Options options = lab_options();
    options.services[0].proxy_protocol = ProxyProtocol::require;
    const auto proxy = lab_with(options);
    proxy->send("PROXY TCP4 " + std::string(limits::proxy_header_bytes_max, '1') + "\r\n" +
                put("/known", known_content()));
    assert_true(proxy->answer.starts_with("HTTP/1.1 400 "));
    assert_true(never_whole(*proxy));
    assert_int_equal(proxy->count(Outcome::proxy_header_bad), 1);

    const auto lab = lab_with(lab_options());
    std::string lines;
    for (std::size_t n = 0; n <= empty_lines_max; ++n)
        lines += "\r\n";
    lab->send(lines + put("/known", known_content()));
    assert_true(lab->answer.starts_with("HTTP/1.1 400 "));
    assert_true(never_whole(*lab));
    assert_int_equal(lab->count(Outcome::http_bad_head), 1);
    others_are_served(*lab);
}

// --- pipelining ---

constexpr std::string_view get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

std::string many_gets(std::size_t count) {
    std::string all;
    for (std::size_t n = 0; n < count; ++n)
        all += get;
    return all;
}

// Legal, if odd: every request arrives, and none before the storage has answered enough of those
// before it.
void pipelining_without_end_is_slowed_and_not_refused(void**) {
    for (const std::size_t size : {std::size_t{1400}, std::size_t{100}, std::size_t{27}}) {
        const auto lab = lab_with(lab_options());
        const std::string all = many_gets(50) + put("/clean", std::string(3000, 'c'));
        lab->send(all, size);
        assert_int_equal(lab->stored.size(), limits::pipeline_max * get.size());
        assert_int_equal(lab->count(Outcome::http_pipeline_full), 1);
        for (std::size_t n = 0; n < 50; ++n) {
            lab->respond("HTTP/1.1 204 No Content\r\n\r\n");
            const std::size_t allowed = (n + 1 + limits::pipeline_max) * get.size();
            assert_true(n >= 34 || lab->stored.size() == allowed);
        }
        lab->step(2000);
        lab->acknowledge();
        assert_true(lab->stored == all);
        assert_false(lab->client_fin || lab->client_reset);
        assert_int_equal(lab->port.outstanding(), 0);
    }
}

void the_known_file_behind_a_full_pipeline_is_found(void**) {
    const auto lab = lab_with(lab_options());
    const std::string all = many_gets(limits::pipeline_max) + put("/known", known_content());
    lab->send(all, 1400);
    lab->step(600'000);
    assert_int_equal(lab->stored.size(), limits::pipeline_max * get.size());
    assert_true(lab->count(Outcome::http_pipeline_full) == 1);
    for (std::size_t n = 0; n < limits::pipeline_max; ++n)
        lab->respond("HTTP/1.1 204 No Content\r\n\r\n");
    lab->step(2000);
    // Answers to those before it were due, so none of ours could take its place.
    assert_true(lab->client_fin && lab->storage_reset);
    assert_int_equal(lab->recorder.decided_records.size(), 1);
    assert_true(never_whole(*lab));
    others_are_served(*lab);
}

// A FIN, a reset, time: none of them lets go what nobody has read.
void nothing_behind_a_full_pipeline_gets_away(void**) {
    const std::string all = many_gets(limits::pipeline_max) + put("/known", known_content());
    const auto finished = lab_with(lab_options());
    finished->send(all, 1400);
    finished->send_fin();
    finished->step(60'000'000);
    assert_int_equal(finished->stored.size(), limits::pipeline_max * get.size());
    assert_false(finished->storage_fin);
    for (std::size_t n = 0; n < limits::pipeline_max; ++n)
        finished->respond("HTTP/1.1 204 No Content\r\n\r\n");
    finished->step(2000);
    assert_int_equal(finished->recorder.decided_records.size(), 1);
    assert_true(never_whole(*finished));

    const auto reset = lab_with(lab_options());
    reset->send(all, 1400);
    reset->segment(all.size(), {}, tcp_flag::rst);
    assert_int_equal(reset->stored.size(), limits::pipeline_max * get.size());
    assert_true(reset->storage_reset);
    assert_int_equal(reset->port.outstanding(), 0);
}

// The storage closes with requests unread: they will never be answered, and the client hears so.
void a_storage_that_closes_a_full_pipeline_ends_it(void**) {
    const auto lab = lab_with(lab_options());
    lab->send(many_gets(limits::pipeline_max) + put("/clean", "clean"), 1400);
    lab->port.push(
        Side::storage,
        lab->storage_packet()
            .sequence(lab->storage_next)
            .acknowledgement(lab->isn + 1 + static_cast<std::uint32_t>(lab->stored.size()))
            .flags(tcp_flag::fin | tcp_flag::ack)
            .frame());
    lab->step();
    lab->send_ack();
    lab->step(2000);
    assert_true(lab->client_fin);
    assert_true(lab->storage_reset);
    assert_int_equal(lab->port.outstanding(), 0);
}

// --- memory of a flow and of the worker ---

void more_holes_than_fit_are_dropped(void**) {
    Options options = lab_options();
    options.kept_bytes_flow_max = limits::kept_bytes_flow_max;
    options.kept_bytes_worker_max = limits::kept_bytes_worker_max;
    const auto lab = lab_with(options);
    const std::string request = put("/known", known_content());
    const std::string_view bytes = request;
    for (std::size_t at = 1; at < bytes.size(); at += 2)  // every second byte, each its own run
        lab->segment(at, bytes.substr(at, 1));
    assert_true(lab->count(Outcome::gaps_full) > 0);
    for (std::size_t at = 0; at < bytes.size(); at += 2)
        lab->segment(at, bytes.substr(at, 1));
    for (int n = 0; n < 2; ++n)
        for (std::size_t at = 0; at < bytes.size(); at += 400)
            lab->segment(at, bytes.substr(at, 400));
    lab->step(2000);
    assert_true(never_whole(*lab));
    assert_int_equal(lab->recorder.decided_records.size(), 1);
    others_are_served(*lab);
}

void a_storage_that_never_acknowledges_slows_its_client_only(void**) {
    Options options = lab_options();
    options.kept_bytes_flow_max = 2 * limits::kept_block_bytes;
    const auto lab = lab_with(options);
    const std::string request = put("/known", std::string(9000, 'c') + known_content());
    for (int n = 0; n < 3; ++n)
        for (std::size_t at = 0; at < request.size(); at += 1000)
            lab->segment(at, std::string_view(request).substr(at, 1000));
    lab->step(2000);
    assert_true(lab->count(Outcome::kept_full) > 0);
    assert_true(never_whole(*lab));
    others_are_served(*lab);
}

// Clients ahead of holes take what the worker has for all of them.
void kept_bytes_of_a_whole_worker_run_out(void**) {
    Options options = lab_options();
    options.kept_bytes_worker_max = 64 * limits::kept_block_bytes;
    const auto lab = lab_with(options);
    const std::string request = put("/known", known_content());
    for (int flow = 0; flow < 8; ++flow) {
        lab->connect();
        for (std::size_t n = 0; n < 64; ++n)
            lab->segment(1000 + 600 * n, std::string(600, 'h'));
    }
    assert_true(lab->count(Outcome::kept_full) > 0);
    lab->connect();
    for (std::size_t at = request.size() - request.size() % 500; at > 0; at -= 500)
        lab->segment(at, std::string_view(request).substr(at, 500));
    lab->segment(0, std::string_view(request).substr(0, 500));
    lab->send(request);
    lab->step(2000);
    assert_true(never_whole(*lab));
    others_are_served(*lab);
}

// Every message is taken by heads that never end. What does not fit is dropped, and sent again by
// its client when there is room.
void messages_that_never_end_let_nothing_pass(void**) {
    Options options = lab_options();
    const auto lab = lab_with(options);
    for (std::uint32_t n = 0; n < options.messages_max; ++n) {
        lab->connect();
        lab->send("PUT /x HTTP/1.1\r\n");
    }
    lab->connect();
    const std::string request = put("/known", known_content());
    lab->send(request);
    assert_int_equal(lab->stored.size(), 0);
    assert_true(lab->count(Outcome::messages_full) > 0);
    lab->client_next = lab->isn + 1;
    for (std::uint32_t n = 0; n < 2 * options.messages_max; ++n) {  // time, and it tries again
        lab->step(20'000'000);
        lab->segment(0, std::string_view(request).substr(0, 1000));
    }
    lab->acknowledge();
    lab->client_next = lab->isn + 1 + static_cast<std::uint32_t>(lab->stored.size());
    lab->send(std::string_view(request).substr(lab->stored.size()));
    lab->step(2000);
    assert_true(never_whole(*lab));
}

// --- the flow table ---

// Half of the file, then so many others that this connection is given up while the storage cannot
// be reached, then the other half as if of a connection older than us.
void who_is_pushed_out_of_the_table_does_not_come_back_unread(void**) {
    Options options = lab_options();
    options.flows_max = 8;
    const auto lab = lab_with(options);
    const std::string request = put("/known", known_content());
    const std::string half = put("/clean", std::string(3000, 'c')).substr(0, 1400);
    lab->send(request.substr(0, 1500));
    const std::uint32_t next = lab->client_next;
    const std::uint16_t own_port = lab->client_port;
    lab->step(120'000'000);
    const std::string stored = lab->stored;
    assert_int_equal(stored.size(), 1500);
    lab->port.accept_at_most(Side::storage, 0);  // the RST that it is given is lost
    for (int n = 0; n < 40; ++n) {
        lab->connect();
        lab->segment(0, half);  // at work, so that they are given up for nobody
        lab->step(2'000'000);
    }
    assert_true(lab->count(Outcome::flow_evicted) > 0);
    for (; lab->client_port != own_port; --lab->client_port)  // and they make room again
        lab->segment(half.size(), {}, tcp_flag::rst);
    for (int n = 0; n < 10; ++n)
        lab->step(1'000'000);
    lab->port.accept_at_most(Side::storage, SIZE_MAX);
    const std::uint64_t dropped = lab->count(Outcome::flow_table_full);
    lab->stored = stored;
    lab->client_next = next;
    lab->client_acked = storage_isn + 1;
    for (int n = 0; n < 3; ++n)
        lab->segment(next - lab->isn - 1, std::string_view(request).substr(1500));
    lab->step(2000);
    assert_true(never_whole(*lab));
    assert_int_equal(lab->count(Outcome::flow_table_full), dropped);  // it had its chance
}

// All places are taken by connections that work: a further SYN waits, and so does what has no SYN.
void a_full_table_of_live_connections_takes_no_more(void**) {
    Options options = lab_options();
    options.flows_max = 8;
    const auto lab = lab_with(options);
    const std::string half = put("/clean", std::string(3000, 'c')).substr(0, 1500);
    lab->send(half);
    for (int n = 0; n < 12; ++n) {
        lab->connect();
        lab->send(half);
    }
    const std::uint64_t dropped = lab->count(Outcome::flow_table_full);
    assert_true(dropped > 0);
    lab->client_next = lab->isn + 1;
    lab->stored.clear();
    lab->send(put("/known", known_content()));  // in mid-life, it says
    assert_true(lab->count(Outcome::flow_table_full) > dropped);
    assert_int_equal(lab->stored.size(), 0);
}

// --- after the verdict ---

void answers_run_out_and_a_match_is_cut(void**) {
    Options options = lab_options();
    options.flows_max = 2 * answers_max;
    options.services[0].on_limit = UninspectedAction::pass;  // not even then
    const auto lab = lab_with(options);
    for (std::uint32_t n = 0; n < answers_max; ++n) {
        lab->connect();
        lab->send("PUT /x HTTP/1.1\nHost: a\n\n");
    }
    lab->connect();
    lab->send(put("/known", known_content()));
    lab->step(2000);
    assert_true(lab->count(Outcome::answers_full) > 0);
    assert_true(lab->storage_reset);
    assert_true(never_whole(*lab));
    assert_int_equal(lab->recorder.decided_records.size(), 1);
}

void a_recorder_without_room_releases_nothing(void**) {
    const auto lab = lab_with(lab_options());
    lab->recorder.full = true;
    lab->send(put("/known", known_content()));
    lab->step(60'000'000);
    assert_true(lab->answer.starts_with("HTTP/1.1 503 "));
    assert_true(lab->storage_reset);
    assert_true(never_whole(*lab));
    assert_int_equal(lab->count(Outcome::match_unrecorded), 1);
    lab->recorder.full = false;
    others_are_served(*lab);
}

void a_record_that_is_never_durable_releases_nothing(void**) {
    const auto lab = lab_with(lab_options());
    lab->recorder.at_once = RecordState::pending;
    lab->send(put("/known", known_content()));
    lab->step(60'000'000);
    assert_true(lab->answer.starts_with("HTTP/1.1 503 "));
    assert_true(never_whole(*lab));
    assert_int_equal(lab->count(Outcome::match_unrecorded), 1);
    lab->recorder.at_once = RecordState::durable;
    others_are_served(*lab);
}

// The rest of the upload is drained up to a limit, and then for a time; after both the connection
// is still no way to the storage.
void neither_drain_nor_absorb_end_in_a_passage(void**) {
    Options options = lab_options();
    options.drain_bytes_max = 2000;
    const auto lab = lab_with(options);
    const std::string request = put("/known", known_content()) + std::string(20000, '?');
    const std::size_t file_end = request.size() - 20000;
    lab->send(request.substr(0, file_end));
    lab->step(2000);
    assert_true(lab->storage_reset);
    const std::size_t stored = lab->stored.size();
    for (std::size_t at = file_end; at < request.size(); at += 1000)
        lab->segment(at, std::string_view(request).substr(at, 1000));
    assert_true(lab->count(Outcome::drain_full) > 0);
    for (int n = 0; n < 20; ++n) {  // 80 s, and it never gives up
        lab->step(4'000'000);
        for (std::size_t at = stored; at < file_end; at += 500)
            lab->segment(at, std::string_view(request).substr(at, 500));
    }
    assert_true(never_whole(*lab));
    others_are_served(*lab);
}

// --- the ports ---

void neither_buffers_nor_queues_that_run_out_let_it_pass(void**) {
    const auto lab = lab_with(lab_options());
    const std::string request = put("/known", known_content());
    lab->port.allocate_at_most(0);
    for (std::size_t at = 0; at < request.size(); at += 500)
        lab->segment(at, std::string_view(request).substr(at, 500));
    lab->step(5000);
    assert_true(lab->count(Outcome::buffer_empty) > 0);
    lab->port.allocate_at_most(SIZE_MAX);
    lab->step(300'000);
    assert_true(lab->answer.starts_with("HTTP/1.1 403 "));
    assert_true(lab->storage_reset);
    assert_true(never_whole(*lab));

    lab->connect();
    lab->port.accept_at_most(Side::storage, 0);
    lab->send(request);
    lab->port.accept_at_most(Side::storage, SIZE_MAX);
    assert_true(lab->count(Outcome::transmit_full) > 0);
    lab->send(request);
    lab->step(2000);
    assert_true(never_whole(*lab));
    others_are_served(*lab);
}

// A chain of headers longer than is walked hides the ports; on a protected address it is dropped.
void a_long_chain_of_extension_headers_does_not_pass(void**) {
    Options options = lab_options();
    std::memset(options.services[0].prefix.address, 0, 16);
    options.services[0].prefix.address[0] = 0xfd;
    options.services[0].prefix.address[15] = 2;
    const auto lab = lab_with(options);
    Packet packet;
    packet.ipv6("fd00::1", "fd00::2");
    for (std::size_t n = 0; n <= limits::extension_headers_max; ++n)
        packet.extension(60, {6, 0, 1, 4, 0, 0, 0, 0});
    const std::size_t before = lab->port.transmitted(Side::storage);
    lab->port.push(Side::client, packet.ports(4000, 80)
                                     .sequence(1)
                                     .acknowledgement(1)
                                     .flags(tcp_flag::ack)
                                     .payload(known_content(900))
                                     .frame());
    lab->step();
    assert_int_equal(lab->port.transmitted(Side::storage), before);
    const auto& dropped = lab->worker->counters().frames[frame_class(FrameClass::dropped)];
    assert_int_equal(dropped.count.read(), 1);
}

// Whoever comes back at once after he was ended finds every place that is free; a client that only
// repeats its segment found none for half a minute.
void a_whole_head_takes_the_place_of_a_slow_one(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    for (std::uint32_t n = 0; n < lab.options.messages_max; ++n) {
        lab.connect();
        lab.send("GET /");
    }
    lab.connect();
    const std::string request = put("/clean", "clean");
    lab.segment(0, request);  // those are in their first flight
    assert_int_equal(lab.count(Outcome::messages_full), 1);
    lab.step(200'000);
    lab.segment(0, request);
    lab.step(2000);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    assert_int_equal(lab.count(Outcome::message_slow), 1);
}

void who_has_waited_takes_the_place_of_a_slow_head(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    for (std::uint32_t n = 0; n < lab.options.messages_max; ++n) {
        lab.connect();
        lab.send("GET /");
    }
    lab.connect();
    const std::string request = put("/clean", "clean");
    const std::string begin = request.substr(0, 20);
    lab.segment(0, begin);
    lab.step(200'000);
    lab.segment(0, begin);  // it has not waited for long
    assert_int_equal(lab.count(Outcome::messages_full), 2);
    lab.step(400'000);
    lab.segment(0, begin);
    lab.segment(begin.size(), request.substr(begin.size()));
    lab.step(2000);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    assert_int_equal(lab.count(Outcome::message_slow), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_limits_of_a_head_refuse),
        cmocka_unit_test(a_whole_head_takes_the_place_of_a_slow_one),
        cmocka_unit_test(who_has_waited_takes_the_place_of_a_slow_head),
        cmocka_unit_test(the_limits_of_chunk_framing_refuse),
        cmocka_unit_test(the_limits_before_a_request_refuse),
        cmocka_unit_test(pipelining_without_end_is_slowed_and_not_refused),
        cmocka_unit_test(the_known_file_behind_a_full_pipeline_is_found),
        cmocka_unit_test(nothing_behind_a_full_pipeline_gets_away),
        cmocka_unit_test(a_storage_that_closes_a_full_pipeline_ends_it),
        cmocka_unit_test(more_holes_than_fit_are_dropped),
        cmocka_unit_test(a_storage_that_never_acknowledges_slows_its_client_only),
        cmocka_unit_test(kept_bytes_of_a_whole_worker_run_out),
        cmocka_unit_test(messages_that_never_end_let_nothing_pass),
        cmocka_unit_test(who_is_pushed_out_of_the_table_does_not_come_back_unread),
        cmocka_unit_test(a_full_table_of_live_connections_takes_no_more),
        cmocka_unit_test(answers_run_out_and_a_match_is_cut),
        cmocka_unit_test(a_recorder_without_room_releases_nothing),
        cmocka_unit_test(a_record_that_is_never_durable_releases_nothing),
        cmocka_unit_test(neither_drain_nor_absorb_end_in_a_passage),
        cmocka_unit_test(neither_buffers_nor_queues_that_run_out_let_it_pass),
        cmocka_unit_test(a_long_chain_of_extension_headers_does_not_pass),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
