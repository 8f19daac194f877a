// The options file: what was written is read, and nothing else is taken.

#include "dataplane/contract/options_file.h"

#include <xxhash.h>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

using namespace cordon;

namespace {

using File = std::array<std::uint8_t, options_file_bytes>;

Options good_options() {
    Options o = {};
    std::strcpy(o.node_prefix, "N1");
    o.workers = 1;
    o.flows_max = o.messages_max = o.kept_bytes_flow_max = 4096;
    o.kept_bytes_worker_max = 1 << 20;
    o.tail_release_us = o.journal_ms_max = o.heartbeat_ms_max = 100;
    o.absorb_seconds = 60;
    o.mbufs_per_port = 8192;
    o.assemblies_max = o.assembly_seconds = 60;
    o.service_count = 1;
    std::strcpy(o.services[0].name, "photos");
    o.services[0].prefix.bits = 128;
    o.services[0].port = 80;
    o.services[0].vlan = -1;
    return o;
}

// A file with a right checksum over whatever `o` holds: what an enemy would write.
File forged(const Options& o) {
    const XXH128_hash_t sum = XXH3_128bits(&o, sizeof o);
    const OptionsHeader header = {
        options_magic, options_version, sizeof o, {sum.low64, sum.high64}};
    File file;
    std::memcpy(file.data(), &header, sizeof header);
    std::memcpy(file.data() + sizeof header, &o, sizeof o);
    return file;
}

OptionsFileResult result_of(Bytes file, Options* out) {
    test::GuardedBytes guarded(file);
    return read_options(guarded.bytes(), out);
}

#define assert_result(got, wanted) assert_int_equal(static_cast<int>(got), static_cast<int>(wanted))

void expect(const Options& o, OptionsFileResult wanted) {
    static Options out;
    std::memset(static_cast<void*>(&out), 0x5a, sizeof out);
    assert_result(result_of(forged(o), &out), wanted);
    // On a refusal the caller's Options are what they were.
    if (wanted != OptionsFileResult::ok) assert_int_equal(out.services[3].port, 0x5a5a);
}

void reads_what_was_written(void**) {
    const Options in = good_options();
    static Options out;
    assert_result(result_of(write_options(in), &out), OptionsFileResult::ok);
    assert_memory_equal(&in, &out, sizeof in);
}

void refuses_every_shorter_file_and_a_longer_one(void**) {
    const File file = write_options(good_options());
    static Options out;
    for (std::size_t n = 0; n < file.size(); n += n < 64 ? 1 : 997) {
        assert_result(result_of(Bytes(file).first(n), &out), OptionsFileResult::wrong_length);
    }
    std::array<std::uint8_t, options_file_bytes + 1> longer = {};
    std::memcpy(longer.data(), file.data(), file.size());
    assert_result(result_of(longer, &out), OptionsFileResult::wrong_length);
}

void refuses_any_flipped_bit(void**) {
    File file = write_options(good_options());
    static Options out;
    for (std::size_t at = 0; at < file.size(); at += at < 256 ? 1 : 61) {
        file[at] = static_cast<std::uint8_t>(file[at] ^ 0x10);
        assert_int_not_equal(static_cast<int>(read_options(file, &out)),
                             static_cast<int>(OptionsFileResult::ok));
        file[at] = static_cast<std::uint8_t>(file[at] ^ 0x10);
    }
    file[0] = 'X';
    assert_result(result_of(file, &out), OptionsFileResult::wrong_magic);
}

void names_a_file_of_another_release(void**) {
    File file = write_options(good_options());
    static Options out;
    file[4] = 99;
    assert_result(result_of(file, &out), OptionsFileResult::wrong_version);
}

void refuses_texts_without_an_end(void**) {
#define UNTERMINATED(field)                        \
    {                                              \
        Options o = good_options();                \
        std::memset(o.field, 'x', sizeof o.field); \
        expect(o, OptionsFileResult::bad_text);    \
    }
    UNTERMINATED(node_prefix)
    UNTERMINATED(operator_name)
    UNTERMINATED(complaint_url)
    UNTERMINATED(contact)
    UNTERMINATED(legal_basis)
    UNTERMINATED(client_port)
    UNTERMINATED(storage_port)
    UNTERMINATED(state_dir)
    UNTERMINATED(run_dir)
    UNTERMINATED(bpf_dir)
    UNTERMINATED(steer_object)
    UNTERMINATED(index_path)
    UNTERMINATED(services[0].name)
    UNTERMINATED(services[0].client_header)
    UNTERMINATED(services[0].account_header)
#undef UNTERMINATED
}

void refuses_enums_and_flags_without_a_meaning(void**) {
#define UNNAMED(field, value)                                                     \
    {                                                                             \
        Options o = good_options();                                               \
        o.field = static_cast<std::remove_reference_t<decltype(o.field)>>(value); \
        expect(o, OptionsFileResult::bad_value);                                  \
    }
    UNNAMED(profile, 3)
    UNNAMED(answer_text, 2)
    UNNAMED(port_kind, 3)
    UNNAMED(polling, 2)
    UNNAMED(lab, 2)
    UNNAMED(services[0].mode, 3)
    UNNAMED(services[0].fail, 2)
    UNNAMED(services[0].on_midstream, 4)
    UNNAMED(services[0].proxy_protocol, 3)
    UNNAMED(services[0].client_from, 3)
    UNNAMED(services[0].account_from, 4)
    UNNAMED(services[0].on_tls, 3)
    UNNAMED(services[0].on_unparsable, 3)
    UNNAMED(services[0].on_limit, 3)
    UNNAMED(services[0].allow_upgrade, 2)
    UNNAMED(services[0].weak_blocks, 2)
    UNNAMED(services[0].dismiss, 3)
    UNNAMED(services[0].embedded_archives, 2)
    UNNAMED(services[0].port, 0)
    UNNAMED(services[0].vlan, -2)
    UNNAMED(services[0].vlan, 4095)
#undef UNNAMED
}

void refuses_counts_beyond_their_arrays(void**) {
    Options o = good_options();
    o.service_count = services_max + 1;
    expect(o, OptionsFileResult::bad_count);
    o = good_options();
    o.services[0].trusted_hop_count = 9;
    expect(o, OptionsFileResult::bad_count);
    o = good_options();
    o.services[0].prefix.bits = 129;
    expect(o, OptionsFileResult::bad_count);
    o = good_options();
    o.services[0].trusted_hops[7].bits = 200;
    expect(o, OptionsFileResult::bad_count);
    o = good_options();
    o.workers = 0;
    expect(o, OptionsFileResult::bad_count);
    o.workers = 65;
    expect(o, OptionsFileResult::bad_count);
}

void refuses_limits_that_cannot_work(void**) {
    Options o = good_options();
    o.flows_max = 0;
    expect(o, OptionsFileResult::bad_limit);
    o = good_options();
    o.kept_bytes_worker_max = o.kept_bytes_flow_max - 1;
    expect(o, OptionsFileResult::bad_limit);
}

void refuses_a_bypass_without_an_end(void**) {
    Options o = good_options();
    o.services[0].mode = ServiceMode::bypass;
    expect(o, OptionsFileResult::bad_value);
    o.services[0].bypass_until_s = 1;
    expect(o, OptionsFileResult::ok);
}

void has_a_sentence_for_every_outcome(void**) {
    for (int i = 0; i <= static_cast<int>(OptionsFileResult::bad_limit); ++i) {
        assert_string_not_equal(options_file_why(static_cast<OptionsFileResult>(i)), "unknown");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(refuses_every_shorter_file_and_a_longer_one),
        cmocka_unit_test(refuses_any_flipped_bit),
        cmocka_unit_test(names_a_file_of_another_release),
        cmocka_unit_test(refuses_texts_without_an_end),
        cmocka_unit_test(refuses_enums_and_flags_without_a_meaning),
        cmocka_unit_test(refuses_counts_beyond_their_arrays),
        cmocka_unit_test(refuses_limits_that_cannot_work),
        cmocka_unit_test(refuses_a_bypass_without_an_end),
        cmocka_unit_test(has_a_sentence_for_every_outcome),
    };
    return cmocka_run_group_tests_name("options_file", tests, nullptr, nullptr);
}
