#include "dataplane/flow/flow_table.h"
#include "tests/support/every_split.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

void* new_lab(const Options& options = lab_options()) {
    auto* lab = new Lab(options);
    lab->use(index_of_contents({known_content()}));
    lab->connect();
    return lab;
}

int setup(void** state) {
    *state = new_lab();
    return 0;
}

int teardown(void** state) {
    delete static_cast<Lab*>(*state);
    return 0;
}

Lab& lab_of(void** state) {
    return *static_cast<Lab*>(*state);
}

bool blocked(const Lab& lab) {
    return lab.storage_reset && lab.client_fin && !lab.client_reset &&
           lab.answer.starts_with("HTTP/1.1 403 ") &&
           lab.answer.find(lab.recorder.decided_records.back().record.case_number) !=
               std::string::npos;
}

void passes_a_clean_upload_byte_for_byte(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(5000, '.'));
    lab.send(request);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    lab.respond(created);
    assert_string_equal(lab.answer.c_str(), std::string(created).c_str());
    assert_int_equal(lab.count(Outcome::object_clean), 1);
    assert_int_equal(lab.worker->kept_bytes(), 0);
    assert_int_equal(lab.port.outstanding(), 0);
}

void blocks_a_known_upload_before_its_last_segment(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(blocked(lab));
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    const IncidentRecord& record = lab.recorder.decided_records[0].record;
    assert_string_equal(record.target, "/known");
    assert_string_equal(record.host, "files.example");
    assert_string_equal(record.method, "PUT");
    assert_int_equal(record.object_bytes, known_content().size());
    assert_int_equal(record.matches[0].reference, 4711);
    assert_int_equal(record.complete, 1);
    assert_true(lab.stored.size() < put("/known", known_content()).size());
    lab.send_ack();
    lab.step(2000);
    assert_int_equal(lab.recorder.enforced_records.size(), 1);
    assert_int_equal(lab.recorder.enforced_records[0].client_answered, 1);
    // Denied until nothing of the connection is absorbed any more, and no longer.
    lab.step((limits::absorb_seconds - 1) * 1'000'000);
    assert_int_equal(lab.recorder.over_keys.size(), 0);
    lab.step(2'000'000);
    assert_int_equal(lab.recorder.over_keys.size(), 1);
    assert_memory_equal(lab.recorder.over_keys[0].bytes, lab.recorder.decided_records[0].key.bytes,
                        sizeof(DenyKey));
}

std::string chunked(std::string_view body, std::size_t size) {
    std::string out =
        "PUT /known HTTP/1.1\r\nHost: files.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    while (!body.empty()) {
        const std::string_view part = body.substr(0, size);
        char line[32];
        std::snprintf(line, sizeof line, "%zx\r\n", part.size());
        out += line + std::string(part) + "\r\n";
        body.remove_prefix(part.size());
    }
    return out;
}

// Also with the terminator of a chunked body in a segment of its own.
void blocks_wherever_the_upload_is_cut_into_segments(void**) {
    const std::string content = known_content(200);
    for (const std::string& request :
         {put("/known", content), chunked(content, content.size()) + "0\r\n\r\n"}) {
        every_split(as_bytes(request), [&](const std::vector<Bytes>& pieces) {
            Lab lab;
            lab.use(index_of_contents({content}));
            lab.connect();
            for (const Bytes piece : pieces)
                lab.send(as_text(piece));
            lab.step(2000);
            assert_true(blocked(lab));
            assert_true(lab.stored.find(content) == std::string::npos);
        });
    }
}

void blocks_the_second_upload_of_a_kept_alive_connection(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/clean", "nothing of interest"));
    lab.respond(created);
    lab.answer.clear();
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(blocked(lab));
}

void blocks_both_in_one_segment(void** state) {
    Lab& lab = lab_of(state);
    lab.use(index_of_contents({known_content(300)}));
    lab.send(put("/a", "first") + put("/b", known_content(300)), 1400);
    lab.step(2000);
    assert_true(lab.storage_reset);
    // The answer to the first is outstanding: ours would be taken for it.
    lab.step(1'100'000);
    assert_true(lab.client_fin);
    assert_string_equal(lab.answer.c_str(), "");
}

void blocks_a_chunked_upload(void** state) {
    Lab& lab = lab_of(state);
    lab.send(chunked(known_content(), 700) + "0\r\n\r\n");
    lab.step(2000);
    assert_true(blocked(lab));
}

void looks_up_before_a_pause_releases_the_tail(void** state) {
    Lab& lab = lab_of(state);
    // All bytes of the file; the terminator does not come.
    lab.send(chunked(known_content(), 700));
    assert_int_equal(lab.recorder.decided_records.size(), 0);
    lab.step(limits::tail_release_us + 100);
    lab.step(2000);
    assert_true(blocked(lab));
    assert_int_equal(lab.recorder.decided_records[0].record.complete, 0);
}

void looks_up_when_the_client_hangs_up_one_byte_early(void** state) {
    Lab& lab = lab_of(state);
    const std::string more = known_content() + "?";
    std::string request = put("/known", more);
    request.pop_back();
    lab.send(request, 1400);
    lab.send_fin();
    lab.step(2000);
    assert_true(blocked(lab));
}

void looks_up_when_the_client_resets(void** state) {
    Lab& lab = lab_of(state);
    std::string request = put("/known", known_content() + "?");
    request.pop_back();
    lab.send(request, 1400);
    lab.segment(lab.client_next - client_isn - 1, {}, tcp_flag::rst);
    lab.step(2000);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    assert_true(lab.storage_reset);
    assert_true(lab.stored.find(known_content()) == std::string::npos);
}

void releases_a_waiting_tail_that_does_not_match(void** state) {
    Lab& lab = lab_of(state);
    std::string request = put("/slow", std::string(3000, 's'));
    const std::string last = request.substr(request.size() - 10);
    request.resize(request.size() - 10);
    lab.send(request);
    assert_true(lab.stored.size() < request.size());
    lab.step(limits::tail_release_us + 100);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    lab.acknowledge();
    lab.send(last);
    assert_int_equal(lab.stored.size(), request.size() + 10);
}

// A replay asks where a connection stands, and lets go of what its capture never held.
void a_tail_that_is_expired_leaves_in_the_next_turn(void** state) {
    Lab& lab = lab_of(state);
    Segment segment;
    Outcome why;
    decode(lab.client_packet().frame(), ChecksumRule::strict, &segment, &why);
    const FlowKey key = flow_key(segment);
    Forwarded at;
    assert_true(lab.worker->forwarded(key, &at));
    assert_int_equal(at.sent, lab.client_next);
    assert_false(at.holds);
    assert_int_equal(at.room, 0xffff);
    const std::string request = put("/slow", std::string(3000, 's'));
    for (std::size_t round = 0; round < 2; ++round) {
        lab.send(request.substr(round * 1000, 1000));
        assert_true(lab.worker->forwarded(key, &at));
        assert_true(at.holds);
        const Forwarded before = at;
        round == 0 ? lab.worker->expire_tail(key) : lab.worker->expire_tails();
        lab.step(0);
        assert_true(lab.worker->forwarded(key, &at));
        assert_false(at.holds);
        assert_int_equal(at.sent, lab.client_next);
        assert_int_equal(at.room, before.room - (at.sent - before.sent));
    }
    lab.worker->expire_tail(key);  // nothing is held
    FlowKey other = key;
    other.rest ^= 1;
    lab.worker->expire_tail(other);
    assert_false(lab.worker->forwarded(other, &at));
}

void says_nothing_before_the_record_is_durable(void** state) {
    Lab& lab = lab_of(state);
    lab.recorder.at_once = RecordState::pending;
    lab.send(put("/known", known_content()));
    lab.step(50'000);
    assert_false(lab.storage_reset);
    assert_string_equal(lab.answer.c_str(), "");
    lab.recorder.complete(RecordState::durable);
    lab.step(2000);
    assert_true(blocked(lab));
}

void answers_503_when_no_record_can_be_written(void** state) {
    Lab& lab = lab_of(state);
    lab.recorder.at_once = RecordState::failed;
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.storage_reset);
    assert_true(lab.answer.starts_with("HTTP/1.1 503 "));
    assert_int_equal(lab.count(Outcome::match_unrecorded), 1);
    assert_true(lab.stored.find(known_content()) == std::string::npos);
}

void answers_503_when_the_journal_is_too_slow(void** state) {
    Lab& lab = lab_of(state);
    lab.recorder.at_once = RecordState::pending;
    lab.send(put("/known", known_content()));
    lab.step(limits::journal_ms_max * 1000 + 5000);
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 503 "));
}

void repeats_the_answer_until_it_is_acknowledged(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(blocked(lab));
    const std::string first = lab.answer;
    lab.answer.clear();
    lab.client_fin = false;
    lab.client_acked = storage_isn + 1;  // it never got there
    lab.step(250'000);
    assert_string_equal(lab.answer.c_str(), first.c_str());
    assert_true(lab.client_fin);
}

// Seen with real stacks: while the record was being written the storage acknowledged with a later
// timestamp, and the answer that followed was older than that.
void answers_with_the_storages_newest_timestamp(void** state) {
    Lab& lab = lab_of(state);
    lab.client_clock = 100;
    lab.storage_clock = 1000;
    lab.connect();
    lab.recorder.at_once = RecordState::pending;
    lab.send(put("/known", known_content()));
    lab.storage_clock = 1005;
    lab.acknowledge();
    lab.recorder.complete(RecordState::durable);
    lab.step(2000);
    assert_true(blocked(lab));
}

void repeats_the_reset_where_the_storage_stands(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    lab.send(request);
    lab.step(2000);
    // The client goes on sending; what it sends is absorbed and moves nothing at the storage.
    lab.segment(request.size(), std::string(500, 'z'));
    lab.storage_reset = false;  // the first was lost
    lab.step(150'000);
    assert_true(lab.storage_reset);
}

void answers_a_challenge_ack_by_a_reset_at_its_number(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    lab.storage_reset = false;
    lab.acknowledge();
    assert_true(lab.storage_reset);
}

// An RST has no acknowledgement: under loss the storage kept the connection, and a temporary file.
void repeats_the_reset_of_the_storage(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    lab.storage_reset = false;
    lab.step(150'000);
    assert_true(lab.storage_reset);
}

void forwards_ahead_of_a_hole_and_holds_the_filler(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    const std::string_view bytes = request;
    lab.segment(0, bytes.substr(0, 1000));
    lab.segment(2000, bytes.substr(2000));  // the end of the file, ahead
    assert_int_equal(lab.count(Outcome::gap_segment), 1);
    const std::size_t before = lab.stored.size();
    lab.segment(1000, bytes.substr(1000, 1000));  // fills the hole: the verdict decides
    lab.client_next = client_isn + 1 + static_cast<std::uint32_t>(request.size());
    lab.step(2000);
    assert_true(lab.stored.size() <= std::max<std::size_t>(before, 1000));
    assert_true(blocked(lab));
}

void fills_a_hole_of_a_clean_upload(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(4000, 'c'));
    const std::string_view bytes = request;
    lab.segment(0, bytes.substr(0, 1000));
    lab.segment(2000, bytes.substr(2000, 1000));
    lab.segment(3000, bytes.substr(3000));
    lab.segment(1000, bytes.substr(1000, 1000));
    assert_string_equal(lab.stored.c_str(), request.c_str());
}

void cuts_a_retransmission_with_other_bytes(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(4000, 'c'));
    const std::string_view bytes = request;
    lab.segment(0, bytes.substr(0, 1000));
    lab.segment(1000, bytes.substr(1000, 1000));
    lab.segment(500, std::string(400, 'X'));
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
    assert_true(lab.storage_reset);
}

void answers_a_retransmission_from_kept_bytes_but_not_the_tail(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(4000, 'c'));
    const std::string_view bytes = request;
    lab.segment(0, bytes.substr(0, 1000));
    lab.segment(1000, bytes.substr(1000, 1000));
    assert_int_equal(lab.stored.size(), 1000);  // the second is the tail
    lab.segment(500, bytes.substr(500, 1500));
    assert_int_equal(lab.stored.size(), 1000);
    assert_int_equal(lab.count(Outcome::retransmission), 1);
}

void repeats_what_left_ahead_of_a_hole(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(4000, 'c'));
    const std::string_view bytes = request;
    lab.segment(0, bytes.substr(0, 1000));
    lab.step(1000);  // it is held no more: what is held leaves before what stands behind a hole
    lab.port.accept_at_most(Side::storage, 0);  // the cable behind us loses it
    lab.segment(2000, bytes.substr(2000));
    lab.port.accept_at_most(Side::storage, SIZE_MAX);
    lab.segment(2000, bytes.substr(2000));
    lab.segment(1000, bytes.substr(1000, 1000));
    assert_string_equal(lab.stored.c_str(), request.c_str());
}

void repeats_the_old_front_of_a_segment_with_new_bytes(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(2000, 'c'));
    const std::string_view bytes = request;
    lab.port.accept_at_most(Side::storage, 0);
    lab.segment(0, bytes.substr(0, 500));
    lab.segment(500, bytes.substr(500, 500));
    lab.port.accept_at_most(Side::storage, SIZE_MAX);
    lab.segment(0, bytes);  // put together when it is sent again
    assert_string_equal(lab.stored.c_str(), request.c_str());
}

void refuses_bad_heads_with_400_and_cuts(void** state) {
    (void)state;
    struct Case {
        const char* request;
        Outcome outcome;
    };
    const Case cases[] = {
        {"PUT /x HTTP/1.1\nHost: a\n\n", Outcome::http_bare_lf},
        {"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         Outcome::http_both_lengths},
        {"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
         Outcome::http_bad_chunk},
        {"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", Outcome::http_bad_length},
    };
    for (const Case& one : cases) {
        Lab lab;
        lab.connect();
        lab.send(one.request);
        lab.step(2000);
        assert_int_equal(lab.count(one.outcome), 1);
        assert_true(lab.answer.starts_with("HTTP/1.1 400 "));
        assert_true(lab.storage_reset);
        assert_true(lab.client_fin);
        assert_true(lab.stored.find("\n\n") == std::string::npos);
        assert_true(lab.stored.find("\r\n\r\n") == std::string::npos ||
                    one.outcome == Outcome::http_bad_chunk);
    }
}

void observes_a_bad_head_without_refusing_it(void**) {
    Options options = lab_options();
    options.services[0].mode = ServiceMode::observe;
    Lab lab(options);
    lab.connect();
    const std::string request = "PUT /x HTTP/1.1\nHost: a\n\n";
    lab.send(request);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    assert_int_equal(lab.count(Outcome::http_bare_lf), 1);
    lab.respond("HTTP/1.1 201 Created\r\n\r\n");  // no contradiction: it may well be HTTP
}

void passes_requests_without_a_body(void** state) {
    Lab& lab = lab_of(state);
    const std::string get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    lab.send(get);
    assert_string_equal(lab.stored.c_str(), get.c_str());
    lab.respond("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    const std::string head = "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n";
    lab.send(head);
    lab.respond("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    lab.send("DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n");
    lab.respond("HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(lab.count(Outcome::http_request), 3);
    assert_int_equal(lab.count(Outcome::object_opened), 0);
}

void ends_the_connection_after_a_refused_expect(void** state) {
    Lab& lab = lab_of(state);
    lab.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\nExpect: 100-continue\r\n\r\n");
    const std::size_t before = lab.stored.size();
    lab.respond("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_true(lab.answer.starts_with("HTTP/1.1 403 Forbidden"));
    // A body that looks like a request: whether the storage would take it for one is unknown.
    lab.send(put("/smuggled", known_content()));
    lab.step(2000);
    assert_int_equal(lab.stored.size(), before);
    assert_true(lab.client_fin);
    assert_true(lab.storage_reset);
    assert_int_equal(lab.count(Outcome::http_expect_refused), 1);
}

void goes_on_after_100_continue(void** state) {
    Lab& lab = lab_of(state);
    lab.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\nExpect: 100-continue\r\n\r\n");
    lab.respond("HTTP/1.1 100 Continue\r\n\r\n");
    lab.answer.clear();
    lab.send(known_content());
    lab.step(2000);
    assert_true(blocked(lab));
}

void does_not_answer_after_the_storage_has(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    lab.send(request.substr(0, 2000));
    lab.respond("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n");  // its head is not complete
    lab.answer.clear();
    lab.send(request.substr(2000));
    lab.step(2000);
    assert_true(lab.storage_reset);
    assert_true(lab.client_fin);
    assert_string_equal(lab.answer.c_str(), "");
}

Options behind_a_terminator(ProxyProtocol proxy) {
    Options options = lab_options();
    ServiceOptions& service = options.services[0];
    service.proxy_protocol = proxy;
    service.client_from = ClientFrom::proxy;
    service.account_from = AccountFrom::basic_user;
    service.trusted_hop_count = 1;
    service.trusted_hops[0] = service.prefix;
    service.trusted_hops[0].bits = 120;  // 10.0.0.0/24
    return options;
}

void records_who_a_trusted_terminator_says_it_serves(void**) {
    const std::string request =
        "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n" +
        put("/known", known_content(200), "Authorization: Basic YWxpY2U6c2VjcmV0\r\n");
    every_split(as_bytes(request), [](const std::vector<Bytes>& pieces) {
        Lab lab(behind_a_terminator(ProxyProtocol::require));
        lab.use(index_of_contents({known_content(200)}));
        lab.connect();
        for (const Bytes piece : pieces)
            lab.send(as_text(piece));
        lab.step(2000);
        assert_true(blocked(lab));
        const IncidentRecord& record = lab.recorder.decided_records[0].record;
        const std::uint8_t told[] = {192, 0, 2, 7};
        assert_int_equal(record.forwarded.present, 1);
        assert_memory_equal(record.forwarded.address + 12, told, 4);
        assert_int_equal(record.forwarded.port, 4711);
        assert_int_equal(record.client.port, lab.client_port);
        assert_string_equal(record.account, "alice");
    });
}

void takes_a_connection_without_a_proxy_header_where_it_may(void**) {
    const std::string request = put("/known", known_content(200));
    every_split(as_bytes(request), [](const std::vector<Bytes>& pieces) {
        Lab lab(behind_a_terminator(ProxyProtocol::accept));
        lab.use(index_of_contents({known_content(200)}));
        lab.connect();
        for (const Bytes piece : pieces)
            lab.send(as_text(piece));
        lab.step(2000);
        assert_true(blocked(lab));
        assert_int_equal(lab.recorder.decided_records[0].record.forwarded.present, 0);
    });
}

void cuts_a_connection_that_lacks_its_proxy_header(void**) {
    Lab lab(behind_a_terminator(ProxyProtocol::require));
    lab.connect();
    lab.send(put("/x", "bytes"));
    lab.step(2000);
    assert_int_equal(lab.count(Outcome::proxy_header_bad), 1);
    assert_true(lab.storage_reset);
    assert_string_equal(lab.stored.c_str(), "");
}

void drops_data_that_comes_before_any_syn_ack(void**) {
    Lab lab;
    lab.connect();
    ++lab.client_port;
    lab.stored.clear();
    lab.port.push(Side::client,
                  lab.client_packet().sequence(client_isn).flags(tcp_flag::syn).frame());
    lab.step();
    lab.client_next = client_isn + 1;
    lab.segment(0, put("/known", known_content(200)));
    assert_string_equal(lab.stored.c_str(), "");
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 0);
    lab.step(1'300'000);  // no SYN-ACK comes: it took another path
    lab.segment(0, put("/known", known_content(200)));
    assert_string_equal(lab.stored.c_str(), "");
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 1);
}

void takes_up_a_new_connection_on_the_same_ports(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/a", "live"));
    lab.respond(created);
    // The storage lost the old connection; the client, restarted, uses the same port again.
    --lab.client_port;
    lab.isn = 0x1000;
    lab.connect();
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(blocked(lab));
}

// Under loss the SYN is repeated while the SYN-ACK is on its way, and answered by another one. The
// connection was begun anew without the client's timestamp, and every segment failed PAWS.
void a_repeated_syn_begins_nothing_anew(void** state) {
    Lab& lab = lab_of(state);
    lab.client_clock = 0xf0000000;
    lab.storage_clock = 1000;
    lab.connect();
    ++lab.client_clock;
    lab.port.push(Side::client,
                  lab.client_packet().sequence(client_isn).flags(tcp_flag::syn).mss(1460).frame());
    lab.step();
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(client_isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .mss(1460)
                                     .frame());
    lab.step();
    const std::string request = put("/clean", "passes");
    lab.send(request);
    assert_string_equal(lab.stored.c_str(), request.c_str());
}

void refuses_tls_and_other_protocols_in_enforce(void** state) {
    Lab& lab = lab_of(state);
    lab.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
    assert_int_equal(lab.count(Outcome::protocol_refused), 1);
    assert_true(lab.client_reset);
    assert_string_equal(lab.stored.c_str(), "");
}

void passes_and_counts_tls_where_policy_says_so(void**) {
    Options options = lab_options();
    options.services[0].on_tls = UninspectedAction::pass;
    Lab lab(options);
    lab.connect();
    const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    lab.send(hello);
    assert_string_equal(lab.stored.c_str(), hello.c_str());
    const auto& counters = lab.worker->counters();
    assert_int_equal(counters.objects[object_class(UninspectedReason::tls)].bytes.read(), 11);
    lab.respond("HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
}

void observes_without_blocking(void**) {
    Options options = lab_options();
    options.services[0].mode = ServiceMode::observe;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(put("/known", known_content()));
    assert_true(lab.stored == put("/known", known_content()));
    assert_int_equal(lab.count(Outcome::match_observed), 1);
    assert_true(lab.recorder.decided_records[0].record.action == MatchAction::observe);
}

void reports_a_weak_match_and_lets_it_pass(void** state) {
    Lab& lab = lab_of(state);
    lab.use(index_of_contents({known_content()}, IndicatorKind::sha1));
    lab.send(put("/known", known_content()));
    assert_true(lab.stored == put("/known", known_content()));
    assert_true(lab.recorder.decided_records[0].record.action == MatchAction::report);
}

void a_list_that_may_only_report_never_blocks(void** state) {
    Lab& lab = lab_of(state);
    lab.use(index_of_contents({known_content()}, IndicatorKind::sha256, RightsCeiling::report));
    lab.send(put("/known", known_content()));
    assert_true(lab.stored == put("/known", known_content()));
    assert_int_equal(lab.count(Outcome::match_reported), 1);
}

void passes_and_retires_a_connection_met_in_mid_life(void** state) {
    Lab& lab = lab_of(state);
    lab.client_port = 50000;
    lab.stored.clear();
    lab.client_next = client_isn + 1;
    lab.storage_next = storage_isn + 1;
    lab.send("bytes in the middle of something");
    assert_int_equal(lab.count(Outcome::flow_midstream), 1);
    assert_string_equal(lab.stored.c_str(), "bytes in the middle of something");
    assert_int_equal(lab.worker->flows_midstream(), 1);
    lab.respond(created);
    assert_false(lab.client_fin);
    lab.step(150'000);
    assert_true(lab.client_fin);
    assert_int_equal(lab.count(Outcome::flow_retired), 1);
    assert_int_equal(lab.worker->flows_midstream(), 0);
}

// A client that never pauses found no quiet moment, and went on uploading uninspected.
void retires_a_connection_met_in_mid_life_when_its_next_message_begins(void** state) {
    Lab& lab = lab_of(state);
    lab.use(index_of_contents({known_content()}));
    lab.client_port = 50000;
    lab.stored.clear();
    lab.client_next = client_isn + 1;
    lab.storage_next = storage_isn + 1;
    lab.send("the end of an upload");
    lab.respond("HTTP/1.1 100 Continue\r\n\r\n");
    lab.send(" and more of it");
    assert_string_equal(lab.stored.c_str(), "the end of an upload and more of it");
    lab.respond(created);
    lab.send("\r\n");  // not even the beginning of another
    assert_string_equal(lab.stored.c_str(), "the end of an upload and more of it");
    assert_true(lab.client_fin);
    assert_true(lab.storage_reset);
    assert_int_equal(lab.count(Outcome::flow_retired), 1);
}

// The answer passed while the kernel bridged: the next request tells it.
void retires_a_bypassed_connection_when_a_request_begins(void** state) {
    Lab& lab = lab_of(state);
    lab.use(index_of_contents({known_content()}));
    lab.send(put("/clean", "some bytes"));
    lab.worker->bypassed(0);
    const std::size_t before = lab.stored.size();
    lab.send(put("/known", known_content()));
    assert_int_equal(lab.stored.size(), before);
    assert_true(lab.client_fin);
    assert_int_equal(lab.count(Outcome::flow_retired), 1);
}

// Requests and answers passed beside us: a FIN where we last saw the storage, or with a timestamp
// of then, is an old repetition to the client, which waited a minute for its answer.
void closes_a_bypassed_connection_where_its_client_is(void** state) {
    for (const bool by_silence : {false, true}) {
        Lab& lab = lab_of(state);
        lab.client_clock = 1000;
        lab.storage_clock = 5000;
        lab.connect();
        lab.send(put("/clean", "some bytes"));
        lab.respond(created);
        lab.worker->bypassed(0);
        lab.client_next += 70'000;
        lab.client_acked += 300;
        lab.storage_next += 300;
        lab.client_clock += 900;
        lab.storage_clock += 900;
        const std::uint64_t retired = lab.count(Outcome::flow_retired);
        if (by_silence) {
            lab.port.push(Side::storage, lab.storage_packet()
                                             .sequence(lab.storage_next)
                                             .acknowledgement(lab.client_next)
                                             .flags(tcp_flag::ack | tcp_flag::psh)
                                             .payload(created)
                                             .frame());
            lab.storage_next += static_cast<std::uint32_t>(created.size());
            lab.step();
            lab.send_ack();
            lab.worker->poll({lab.now_ns += 150 * ns_per_ms, index_now_s * ns_per_s});
        } else {
            lab.port.push(Side::client, lab.client_packet()
                                            .sequence(lab.client_next)
                                            .acknowledgement(lab.client_acked)
                                            .flags(tcp_flag::ack | tcp_flag::psh)
                                            .payload(put("/known", "more"))
                                            .frame());
            lab.worker->poll({lab.now_ns += 10'000, index_now_s * ns_per_s});
        }
        assert_int_equal(lab.count(Outcome::flow_retired), retired + 1);
        lab.port.take(Side::storage);
        const std::vector<FrameBytes> frames = lab.port.take(Side::client);
        assert_int_equal(frames.size(), 1);
        Segment fin{};
        Outcome why;
        assert_true(decode(frames[0], ChecksumRule::off, &fin, &why) == DecodeResult::tcp);
        assert_true((fin.flags & tcp_flag::fin) != 0);
        assert_int_equal(fin.sequence, lab.client_acked);
        assert_int_equal(fin.acknowledgement, lab.client_next);
        assert_int_equal(fin.timestamp_value, lab.storage_clock);
    }
}

// What was quiet before a second bypass may be in the middle of a request now.
void a_bypass_ends_the_quiet_that_was_waited_for(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/clean", "some bytes"));
    lab.worker->bypassed(0);
    lab.respond(created);
    lab.worker->bypassed(0);
    lab.step(150'000);
    assert_false(lab.client_fin);
    assert_int_equal(lab.count(Outcome::flow_retired), 0);
}

void discards_what_it_held_when_the_kernel_bridged(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(3000, 'c'));
    lab.send(request.substr(0, 2000));
    const std::size_t before = lab.stored.size();
    assert_int_equal(before, 1000);
    lab.worker->bypassed(0);
    lab.step(10'000);
    assert_int_equal(lab.stored.size(), before);
    assert_int_equal(lab.port.outstanding(), 0);
    lab.segment(before, std::string_view(request).substr(before));  // TCP repeats it
    assert_string_equal(lab.stored.c_str(), request.c_str());
}

void gives_up_embryonic_flows_first_when_the_table_is_full(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/a", "live"));
    for (std::uint16_t port = 1; port < 200; ++port) {
        lab.port.push(Side::client, Packet()
                                        .ipv4("10.0.0.9", "10.0.0.2")
                                        .ports(port, 80)
                                        .sequence(1)
                                        .flags(tcp_flag::syn)
                                        .frame());
        lab.step();
    }
    assert_true(lab.count(Outcome::flow_evicted) > 100);
    lab.respond(created);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
}

void bridges_what_is_not_protected(void** state) {
    Lab& lab = lab_of(state);
    const FrameBytes frame = Packet()
                                 .ipv4("10.0.0.1", "10.0.0.2")
                                 .ports(1, 22)
                                 .flags(tcp_flag::ack)
                                 .payload("ssh")
                                 .frame();
    lab.port.push(Side::client, frame);
    lab.worker->poll({lab.now_ns, index_now_s * ns_per_s});
    const auto sent = lab.port.take(Side::storage);
    assert_int_equal(sent.size(), 1);
    assert_true(sent[0] == frame);
    assert_int_equal(lab.count(Outcome::frame_bridged), 1);
}

void every_frame_is_in_one_class(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/clean", std::string(5000, '.')));
    lab.respond(created);
    lab.send(put("/known", known_content()));
    lab.step(2000);
    lab.send_ack();
    const Counters& counters = lab.worker->counters();
    std::uint64_t received = 0;
    for (const Tally& side : counters.received)
        received += side.bytes.read();
    std::uint64_t classed = 0;
    for (const Tally& tally : counters.frames)
        classed += tally.bytes.read();
    assert_int_equal(received, classed);
}

void allocates_nothing_after_its_start(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(5000, '.'));
    const std::string known = put("/known", known_content());
    assert_int_equal(allocations_of(&lab, request, 1000), 0);
}

}  // namespace

int main() {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        T(passes_a_clean_upload_byte_for_byte),
        T(blocks_a_known_upload_before_its_last_segment),
        T(blocks_wherever_the_upload_is_cut_into_segments),
        T(blocks_the_second_upload_of_a_kept_alive_connection),
        T(blocks_both_in_one_segment),
        T(blocks_a_chunked_upload),
        T(looks_up_before_a_pause_releases_the_tail),
        T(looks_up_when_the_client_hangs_up_one_byte_early),
        T(looks_up_when_the_client_resets),
        T(releases_a_waiting_tail_that_does_not_match),
        T(a_tail_that_is_expired_leaves_in_the_next_turn),
        T(says_nothing_before_the_record_is_durable),
        T(answers_503_when_no_record_can_be_written),
        T(answers_503_when_the_journal_is_too_slow),
        T(repeats_the_answer_until_it_is_acknowledged),
        T(answers_with_the_storages_newest_timestamp),
        T(repeats_the_reset_where_the_storage_stands),
        T(answers_a_challenge_ack_by_a_reset_at_its_number),
        T(repeats_the_reset_of_the_storage),
        T(forwards_ahead_of_a_hole_and_holds_the_filler),
        T(fills_a_hole_of_a_clean_upload),
        T(cuts_a_retransmission_with_other_bytes),
        T(answers_a_retransmission_from_kept_bytes_but_not_the_tail),
        T(repeats_what_left_ahead_of_a_hole),
        T(repeats_the_old_front_of_a_segment_with_new_bytes),
        T(refuses_bad_heads_with_400_and_cuts),
        T(observes_a_bad_head_without_refusing_it),
        T(passes_requests_without_a_body),
        T(ends_the_connection_after_a_refused_expect),
        T(goes_on_after_100_continue),
        T(does_not_answer_after_the_storage_has),
        T(records_who_a_trusted_terminator_says_it_serves),
        T(takes_a_connection_without_a_proxy_header_where_it_may),
        T(cuts_a_connection_that_lacks_its_proxy_header),
        T(drops_data_that_comes_before_any_syn_ack),
        T(takes_up_a_new_connection_on_the_same_ports),
        T(a_repeated_syn_begins_nothing_anew),
        T(refuses_tls_and_other_protocols_in_enforce),
        T(passes_and_counts_tls_where_policy_says_so),
        T(observes_without_blocking),
        T(reports_a_weak_match_and_lets_it_pass),
        T(a_list_that_may_only_report_never_blocks),
        T(passes_and_retires_a_connection_met_in_mid_life),
        T(retires_a_connection_met_in_mid_life_when_its_next_message_begins),
        T(retires_a_bypassed_connection_when_a_request_begins),
        T(closes_a_bypassed_connection_where_its_client_is),
        T(a_bypass_ends_the_quiet_that_was_waited_for),
        T(discards_what_it_held_when_the_kernel_bridged),
        T(gives_up_embryonic_flows_first_when_the_table_is_full),
        T(bridges_what_is_not_protected),
        T(every_frame_is_in_one_class),
        T(allocates_nothing_after_its_start),
    };
#undef T
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
