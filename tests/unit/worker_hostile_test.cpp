// What a client, or chance, can do to a worker's view of a connection, and must gain nothing by.
#include "dataplane/worker/answer.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint64_t lifetime_after_fin_us = 61'000'000;
constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

int setup(void** state) {
    auto* lab = new Lab;
    lab->use(index_of_contents({known_content()}));
    lab->connect();
    *state = lab;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Lab*>(*state);
    return 0;
}

Lab& lab_of(void** state) {
    return *static_cast<Lab*>(*state);
}

// A second SYN with another number made the storage's SYN-ACKs fit nothing. Its last repetition
// comes when the embryonic flow is forgotten; passed on as midstream it completed a connection that
// nobody inspected.
void a_syn_ack_without_a_flow_opens_no_uninspected_one(void** state) {
    Lab& lab = lab_of(state);
    ++lab.client_port;
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(client_isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .mss(1460)
                                     .frame());
    const std::size_t before = lab.port.transmitted(Side::client);
    lab.step();
    assert_int_equal(lab.port.transmitted(Side::client), before);
    assert_int_equal(lab.count(Outcome::flow_midstream), 0);
}

// The known file, one byte more that is held, and a FIN right behind the file: a server that
// commits at the end of the stream would have it whole.
void a_fin_before_the_held_tail_does_not_pass(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content() + std::string(100, '?'));
    const std::size_t file_end = request.size() - 100;
    lab.send(request.substr(0, file_end), 1400);
    lab.send(request.substr(file_end, 1));
    assert_int_equal(lab.stored.size(), file_end);
    lab.segment(file_end, {}, tcp_flag::fin | tcp_flag::ack);
    assert_false(lab.storage_fin);
}

void a_fin_in_front_of_bytes_sent_ahead_is_an_attack(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(3000, 'c'));
    lab.send(request.substr(0, 1000));
    lab.segment(2000, std::string_view(request).substr(2000));
    lab.send_fin();
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
    assert_false(lab.storage_fin);
}

// The client resets when it knows the storage elsewhere than we think, waits, and goes on: the flow
// was forgotten, and met again in mid-life.
void a_reset_of_the_client_is_made_sure_of(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    lab.send(request.substr(0, 1000));
    lab.port.accept_at_most(Side::storage, 0);  // lost: the storage stands at 1000
    lab.segment(1000, std::string_view(request).substr(1000, 500));
    lab.segment(1500, {}, tcp_flag::rst);
    lab.port.accept_at_most(Side::storage, SIZE_MAX);
    lab.storage_reset = false;
    lab.acknowledge();  // its challenge ACK
    assert_true(lab.storage_reset);
    lab.storage_reset = false;
    lab.step(600'000);
    assert_true(lab.storage_reset);
}

void a_cut_is_repeated_until_the_storage_has_heard(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/clean", std::string(4000, 'c')).substr(0, 1500));
    lab.segment(1100, std::string(100, 'X'));
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
    for (int times = 0; times < 3; ++times) {
        lab.storage_reset = false;
        lab.step(600'000);
        assert_true(lab.storage_reset);
    }
    lab.connect();  // another connection, and then this one's place is free
    lab.step(10'000'000);
    assert_int_equal(lab.worker->flows(), 1);
}

// In one burst: an upload, and behind it one in tiny segments, which wait for the first one's
// verdict and are put together meanwhile.
void send_in_one_burst(Lab& lab, std::string_view first, std::string_view bytes) {
    std::size_t at = 0;
    for (std::size_t size = first.size(); at < bytes.size(); at += size, size = 300)
        lab.port.push(Side::client, lab.client_packet()
                                        .sequence(lab.isn + 1 + static_cast<std::uint32_t>(at))
                                        .acknowledgement(lab.client_acked)
                                        .flags(tcp_flag::ack)
                                        .payload(bytes.substr(at, at == 0 ? first.size() : 300))
                                        .frame());
    lab.step();
    lab.step(1000);
}

// Both ends announce jumbo frames: what is rebuilt still fits the buffers of any port.
void rebuilt_segments_fit_any_port(void**) {
    Lab lab;
    lab.client_clock = lab.storage_clock = 1000;
    lab.mss = 8960;
    lab.connect();
    const std::string first = put("/a", "first");
    const std::string both = first + put("/b", std::string(5000, 'c'));
    send_in_one_burst(lab, first, both);
    assert_true(lab.stored == both);
    // Rebuilt because of its FIN, and with timestamps that it came without.
    lab.connect();
    lab.client_clock = lab.storage_clock = 0;
    const std::string request = put("/clean", std::string(1994, 'c')).substr(0, 1994);
    lab.segment(0, request, tcp_flag::fin | tcp_flag::ack);
    assert_true(lab.stored == request);
    assert_true(lab.longest <= 1460);
}

void rebuilt_segments_keep_to_the_mss_of_both_ends(void**) {
    Lab lab;
    lab.mss = 536;
    lab.connect();
    const std::string first = put("/a", "first");
    const std::string both = first + put("/b", std::string(5000, 'c'));
    send_in_one_burst(lab, first, both);
    assert_true(lab.stored == both);
    assert_true(lab.longest <= 536);
}

// The storage has said all it has to say: a second answer would be taken for that of the next.
void no_second_answer_follows_a_complete_early_one(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    lab.send(request.substr(0, 2000));
    const std::string early = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    lab.respond(early);
    lab.send(request.substr(2000));
    lab.step(2000);
    assert_true(lab.storage_reset);
    assert_true(lab.client_fin);
    assert_string_equal(lab.answer.c_str(), early.c_str());
}

void no_refusal_takes_the_place_of_an_answer_that_is_due(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/clean", "clean"));
    lab.send("PUT /x HTTP/1.1\nHost: a\n\n");
    lab.step(2000);
    assert_int_equal(lab.count(Outcome::http_bare_lf), 1);
    assert_true(lab.client_fin);
    assert_string_equal(lab.answer.c_str(), "");
}

// 103 is no leave to send the body: the framing after the final answer is as doubtful as without.
void early_hints_are_no_continue(void** state) {
    Lab& lab = lab_of(state);
    lab.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\nExpect: 100-continue\r\n\r\n");
    const std::size_t before = lab.stored.size();
    lab.respond("HTTP/1.1 103 Early Hints\r\n\r\n");
    lab.respond("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    lab.send(put("/smuggled", known_content()));
    assert_int_equal(lab.stored.size(), before);
    assert_int_equal(lab.count(Outcome::http_expect_refused), 1);
}

// Its last segment, FIN and all, came ahead of a hole; then it is repeated as a whole.
void a_fin_is_heard_on_a_repeated_segment(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(2000, 'c'));
    const std::string_view bytes = request;
    constexpr std::uint8_t fin = tcp_flag::fin | tcp_flag::ack;
    lab.segment(0, bytes.substr(0, 500));
    lab.segment(1000, bytes.substr(1000), fin);
    lab.segment(500, bytes.substr(500, 500));
    assert_true(lab.stored == request);
    lab.segment(1000, bytes.substr(1000), fin);
    assert_true(lab.storage_fin);
    lab.acknowledge();
    lab.storage_fin = false;  // as if it was lost
    lab.segment(1000, bytes.substr(1000), fin);
    assert_true(lab.storage_fin);
}

void a_fin_is_heard_on_an_acknowledged_segment(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(2000, 'c'));
    const std::string_view bytes = request;
    lab.segment(0, bytes.substr(0, 1000));
    lab.segment(1000, bytes.substr(1000));
    lab.acknowledge();
    lab.segment(1000, bytes.substr(1000), tcp_flag::fin | tcp_flag::ack);
    assert_true(lab.storage_fin);
}

// Reordered, an old segment of the storage came last: an answer stamped like it fails PAWS for
// ever.
void an_old_segment_does_not_turn_back_the_clock(void** state) {
    Lab& lab = lab_of(state);
    lab.client_clock = 100;
    lab.storage_clock = 1000;
    lab.connect();
    const std::string request = put("/known", known_content());
    lab.send(request.substr(0, 2000));
    lab.storage_clock = 1005;
    lab.acknowledge();
    lab.storage_clock = 1001;
    lab.acknowledge();
    lab.segment(2000, std::string_view(request).substr(2000));
    lab.step(2000);
    assert_true(lab.client_fin);
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
}

// A client that writes all of its upload before it reads has to be able to.
void a_block_behind_a_closed_window_lets_the_client_finish(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content()) + "more";
    lab.send(request.substr(0, 2000));
    assert_int_equal(lab.stored.size(), 1000);
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(lab.storage_next)
                                     .acknowledgement(lab.isn + 1 + 1000)
                                     .window(0)
                                     .flags(tcp_flag::ack)
                                     .frame());
    lab.step();
    lab.segment(2000, std::string_view(request).substr(2000));
    lab.step(2000);
    assert_true(lab.client_fin);
    assert_true(lab.client_window > 0);
}

std::uint64_t object_bytes(const Lab& lab, std::size_t object_class_index) {
    return lab.worker->counters().objects[object_class_index].bytes.read();
}

// Whatever is wrong with it, in `observe` nothing is cut and nothing withheld.
void observe_lets_pass_what_it_cannot_read(void**) {
    Options options = lab_options();
    options.services[0].mode = ServiceMode::observe;
    options.services[0].proxy_protocol = ProxyProtocol::require;
    Lab lab(options);
    lab.connect();
    const std::string request = put("/x", "no PROXY header");
    lab.send(request);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    assert_int_equal(lab.count(Outcome::proxy_header_bad), 1);
    lab.options.services[0].proxy_protocol = ProxyProtocol::off;
    const std::string_view answers[] = {
        "HTTP/1.1 101 Switching Protocols\r\n\r\nanything",
        "not an answer of HTTP at all\r\n\r\n",
    };
    for (const std::string_view answer : answers) {
        lab.connect();
        lab.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        lab.respond(answer);
        assert_string_equal(lab.answer.c_str(), std::string(answer).c_str());
        const std::size_t before = lab.stored.size();
        lab.send("anything");
        assert_int_equal(lab.stored.size(), before + 8);
    }
    lab.connect();
    lab.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    lab.respond("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    const std::size_t before = lab.stored.size();
    lab.send("bytes");
    assert_int_equal(lab.stored.size(), before + 5);
    assert_false(lab.client_fin || lab.client_reset || lab.storage_reset);
}

// No digest of the index was computed: that is not inspected, whatever the index says by now.
void an_object_begun_without_an_index_is_not_inspected(void**) {
    Lab lab;
    lab.connect();
    const std::string request = put("/x", known_content());
    lab.send(request.substr(0, 1500));
    lab.use(index_of_contents({known_content()}));
    lab.send(request.substr(1500));
    assert_int_equal(lab.count(Outcome::stale_plan), 1);
    assert_int_equal(object_bytes(lab, object_class(ObjectClass::inspected)), 0);
    assert_int_equal(object_bytes(lab, object_class(UninspectedReason::no_index)), 3000);
    lab.respond(created);
    lab.send(request.substr(0, 1500));
    lab.worker->use_index(nullptr);  // in mid-object
    lab.send(request.substr(1500));
    assert_int_equal(object_bytes(lab, object_class(UninspectedReason::no_index)), 6000);
}

void an_object_that_the_kernel_takes_over_is_accounted(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(3000, 'c'));
    lab.send(request.substr(0, 2000));
    const std::uint64_t body = 2000 - (request.size() - 3000);
    lab.worker->bypassed(0);
    assert_int_equal(object_bytes(lab, object_class(UninspectedReason::incomplete)), body);
    lab.respond(created);  // no byte of an object
    assert_int_equal(object_bytes(lab, object_class(UninspectedReason::bypassed)), 0);
}

// Bad requests take every answer but those kept for matches, and matches take these; one more has
// its record all the same.
void a_match_is_recorded_when_no_answer_is_free(void**) {
    Options options = lab_options();
    options.flows_max = 2 * answers_max;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    for (std::uint32_t n = 0; n < answers_max; ++n) {
        lab.connect();
        const bool is_match = n >= answers_max - answers_reserve;
        lab.send(is_match ? put("/known", known_content()) : "PUT /x HTTP/1.1\nHost: a\n\n");
    }
    assert_int_equal(lab.count(Outcome::answers_full), 0);
    lab.connect();
    lab.send(put("/known", known_content()));
    assert_int_equal(lab.count(Outcome::answers_full), 1);
    assert_true(lab.storage_reset);
    assert_int_equal(lab.recorder.decided_records.size(), answers_reserve + 1);
    for (int n = 0; n < 4; ++n)
        lab.step(61'000'000);
    lab.connect();
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
}

void bad_requests_leave_answers_to_matches(void**) {
    Options options = lab_options();
    options.flows_max = 2 * answers_max;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    for (std::uint32_t n = 0; n < answers_max; ++n) {
        lab.connect();
        lab.send("PUT /x HTTP/1.1\nHost: a\n\n");
        assert_true(lab.storage_reset);
        assert_true(lab.stored.empty());
    }
    assert_int_equal(lab.count(Outcome::answers_full), answers_reserve);
    lab.connect();
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
}

// Bytes ahead of a hole wait as long as their client likes. They may not take all there is.
void bytes_ahead_of_holes_leave_room_for_others(void**) {
    Options options = lab_options();
    options.kept_bytes_flow_max = 1 << 20;
    options.kept_bytes_worker_max = 64 * limits::kept_block_bytes;
    Lab lab(options);
    lab.connect();
    for (std::size_t n = 0; n < 64; ++n)
        lab.segment(1000 + 600 * n, std::string(600, 'h'));
    assert_true(lab.count(Outcome::kept_full) > 0);
    lab.connect();
    const std::string request = put("/clean", std::string(20000, 'c'));
    lab.send(request);
    assert_true(lab.stored == request);
}

// The client never closes; the storage's stack has forgotten the connection long ago.
void what_the_storage_has_closed_is_forgotten_in_time(void** state) {
    Lab& lab = lab_of(state);
    lab.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(lab.storage_next)
                                     .acknowledgement(lab.client_next)
                                     .flags(tcp_flag::ack | tcp_flag::fin)
                                     .frame());
    lab.step();
    lab.step(lifetime_after_fin_us);
    lab.step(1'000'000);
    assert_int_equal(lab.worker->flows(), 0);
}

// A client that takes little at a time gets all of the answer, and its FIN, in the end.
void a_tiny_window_and_mss_get_the_whole_answer(void**) {
    Lab lab;
    lab.mss = 1;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.client_room = 20;
    lab.send(put("/known", known_content()), 88);
    for (int n = 0; n < 200 && !lab.client_fin; ++n) {
        lab.step(2000);
        lab.send_ack();
    }
    assert_true(lab.client_fin);
    assert_true(lab.answer.find(lab.recorder.decided_records[0].record.case_number) !=
                std::string::npos);
    assert_true(lab.storage_reset);
}

void an_answer_into_a_closed_window_is_probed_for(void** state) {
    Lab& lab = lab_of(state);
    lab.client_room = 0;
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.answer.size() <= 1);
    lab.client_room = 1000;
    for (int n = 0; n < 10 && !lab.client_fin; ++n) {
        lab.step(600'000);
        lab.send_ack();
    }
    assert_true(lab.client_fin);
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
}

void bytes_after_a_block_are_drained_and_then_the_port_is_free(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    const std::size_t before = lab.stored.size();
    lab.send(std::string(5000, 'z'));
    assert_int_equal(lab.stored.size(), before);
    lab.send_fin();
    lab.send_ack();
    lab.step(61'000'000);
    lab.step(6'000'000);
    lab.step(1'000'000);
    assert_int_equal(lab.worker->flows(), 0);
    --lab.client_port;
    lab.isn = 0x2000;
    lab.connect();
    const std::string request = put("/clean", "again");
    lab.send(request);
    assert_true(lab.stored == request);
}

void requests_follow_a_proxy_header_in_one_segment(void**) {
    Options options = lab_options();
    options.services[0].proxy_protocol = ProxyProtocol::require;
    Lab lab(options);
    lab.use(index_of_contents({known_content(300)}));
    lab.connect();
    const std::string clean = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n" + put("/a", "clean");
    lab.send(clean + put("/known", known_content(300)), 1400);
    lab.step(2000);
    lab.step(1'100'000);
    assert_int_equal(lab.count(Outcome::object_clean), 1);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    assert_true(lab.storage_reset);
    assert_true(lab.stored.find(known_content(300)) == std::string::npos);
    assert_true(lab.stored.starts_with(clean));
}

void an_answer_with_holes_is_read_in_order(void** state) {
    Lab& lab = lab_of(state);
    const std::string get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    lab.send(get);
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const auto part = [&](std::size_t at, std::size_t size) {
        lab.port.push(Side::storage,
                      lab.storage_packet()
                          .sequence(lab.storage_next + static_cast<std::uint32_t>(at))
                          .acknowledgement(lab.client_next)
                          .flags(tcp_flag::ack)
                          .payload(std::string_view(answer).substr(at, size))
                          .frame());
        lab.step();
    };
    part(30, 100);
    part(10, 10);
    part(0, 10);
    part(10, 10);  // again
    part(15, 15);
    assert_int_equal(lab.worker->kept_bytes() > limits::kept_block_bytes, 0);
    lab.storage_next += static_cast<std::uint32_t>(answer.size());
    lab.client_acked = lab.storage_next;
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.answer.find("HTTP/1.1 403 ") != std::string::npos);
}

void a_storage_that_answers_early_and_closes_ends_the_upload(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(5000, 'c'));
    lab.send(request.substr(0, 2000));
    lab.respond("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(lab.storage_next)
                                     .acknowledgement(lab.isn + 1 + 1000)
                                     .flags(tcp_flag::ack | tcp_flag::fin)
                                     .frame());
    lab.step();
    assert_true(lab.client_fin);
    lab.send(request.substr(2000, 1000));
    lab.send_fin();
    lab.port.push(Side::storage,
                  lab.storage_packet().sequence(lab.storage_next + 1).flags(tcp_flag::rst).frame());
    lab.step();
    assert_true(lab.client_reset);
    lab.step(6'000'000);
    lab.step(1'000'000);
    assert_int_equal(lab.worker->flows(), 0);
    assert_int_equal(lab.worker->kept_bytes(), 0);
    assert_int_equal(lab.port.outstanding(), 0);
}

void a_half_closed_client_gets_its_answer(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(5000, 'c'));
    lab.send(request);
    lab.send_fin();
    assert_true(lab.storage_fin);
    assert_true(lab.stored == request);
    lab.acknowledge();
    lab.step(1'000'000);
    lab.respond(created);
    assert_string_equal(lab.answer.c_str(), std::string(created).c_str());
}

// One message, one kept piece more than a tail, one other flow: everything else is dropped, and
// nothing passes.
void exhausted_limits_let_nothing_pass(void**) {
    Options options = lab_options();
    options.messages_max = 1;
    options.kept_bytes_flow_max = 2 * limits::kept_block_bytes;
    options.kept_bytes_worker_max = 4 * limits::kept_block_bytes;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send("PUT /x HTTP/1.1\r\n");  // takes the message, and stays
    lab.connect();
    lab.send(put("/known", known_content()));
    assert_int_equal(lab.stored.size(), 0);
    assert_true(lab.count(Outcome::messages_full) > 0);
    --lab.client_port;  // it says that it was enough
    lab.stored = "PUT /x HTTP/1.1\r\n";
    lab.segment(lab.stored.size(), {}, tcp_flag::rst);
    ++lab.client_port;
    lab.stored.clear();
    lab.client_next = lab.isn + 1;
    const std::string request = put("/known", known_content());
    for (std::size_t at = 0; at < request.size(); at += 500)  // the storage acknowledges nothing
        lab.segment(at, std::string_view(request).substr(at, 500));
    lab.step(2000);
    assert_true(lab.stored.find(known_content()) == std::string::npos);
}

// The last ACKs of both ends are lost behind us. Each repeats its last segment, FIN and all, and
// has to hear of the other, though we have closed.
void last_segments_repeated_after_the_close_are_heard(void** state) {
    Lab& lab = lab_of(state);
    constexpr std::uint8_t fin = tcp_flag::fin | tcp_flag::ack;
    const std::string request = put("/clean", "clean");
    lab.segment(0, request, fin);
    lab.client_next += static_cast<std::uint32_t>(request.size()) + 1;
    assert_true(lab.storage_fin);
    const auto answer = [&] {
        lab.port.push(Side::storage, lab.storage_packet()
                                         .sequence(lab.storage_next)
                                         .acknowledgement(lab.client_next)
                                         .flags(fin)
                                         .payload(created)
                                         .frame());
        lab.step();
    };
    answer();
    assert_true(lab.client_fin);
    lab.send_ack();
    const std::size_t to_client = lab.port.transmitted(Side::client);
    answer();
    assert_int_equal(lab.port.transmitted(Side::client), to_client + 1);
    const std::size_t to_storage = lab.port.transmitted(Side::storage);
    const std::size_t before = lab.stored.size();
    lab.segment(0, request, fin);
    assert_int_equal(lab.port.transmitted(Side::storage), to_storage + 1);
    lab.segment(0, put("/known", known_content(900)));
    assert_int_equal(lab.stored.size(), before);
}

}  // namespace

int main() {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        T(a_syn_ack_without_a_flow_opens_no_uninspected_one),
        T(a_fin_before_the_held_tail_does_not_pass),
        T(a_fin_in_front_of_bytes_sent_ahead_is_an_attack),
        T(a_reset_of_the_client_is_made_sure_of),
        T(a_cut_is_repeated_until_the_storage_has_heard),
        T(rebuilt_segments_fit_any_port),
        T(rebuilt_segments_keep_to_the_mss_of_both_ends),
        T(no_second_answer_follows_a_complete_early_one),
        T(no_refusal_takes_the_place_of_an_answer_that_is_due),
        T(early_hints_are_no_continue),
        T(a_fin_is_heard_on_a_repeated_segment),
        T(a_fin_is_heard_on_an_acknowledged_segment),
        T(an_old_segment_does_not_turn_back_the_clock),
        T(a_block_behind_a_closed_window_lets_the_client_finish),
        T(observe_lets_pass_what_it_cannot_read),
        T(an_object_begun_without_an_index_is_not_inspected),
        T(an_object_that_the_kernel_takes_over_is_accounted),
        T(a_match_is_recorded_when_no_answer_is_free),
        T(bad_requests_leave_answers_to_matches),
        T(bytes_ahead_of_holes_leave_room_for_others),
        T(what_the_storage_has_closed_is_forgotten_in_time),
        T(a_tiny_window_and_mss_get_the_whole_answer),
        T(an_answer_into_a_closed_window_is_probed_for),
        T(bytes_after_a_block_are_drained_and_then_the_port_is_free),
        T(requests_follow_a_proxy_header_in_one_segment),
        T(an_answer_with_holes_is_read_in_order),
        T(a_storage_that_answers_early_and_closes_ends_the_upload),
        T(a_half_closed_client_gets_its_answer),
        T(exhausted_limits_let_nothing_pass),
        T(last_segments_repeated_after_the_close_are_heard),
    };
#undef T
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
