// The keys of the sections: as a file, and as what an index is opened with.
#include "dataplane/shell/key_ring.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>  // before cmocka.h, which defines fail()

#include "control/feed/key_handover.h"
#include "dataplane/shell/index_holder.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

struct Box {
    std::uint8_t secret[crypto_box_SECRETKEYBYTES];
    std::uint8_t open[crypto_box_PUBLICKEYBYTES];

    Box() { crypto_box_keypair(open, secret); }
    std::string text() const {
        char hex[node_key_file_bytes];
        sodium_bin2hex(hex, sizeof hex, secret, sizeof secret);
        return std::string(hex) + "\n";
    }
    SealedKey seal(const char* name, std::uint8_t key) const {
        SealedKey sealed = {};
        std::strncpy(sealed.name, name, sizeof sealed.name - 1);
        sealed.epoch = key;
        sealed.check = key_check(TagKey(key_of(key)));
        crypto_box_seal(sealed.sealed, key_of(key).data(), tag_key_bytes, open);
        return sealed;
    }
};

class Folder {
  public:
    Folder() {
        if (sodium_init() < 0 || mkdtemp(path_) == nullptr) std::abort();
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    KeyPlaces places() const { return {path_, path_ + std::string("/credentials")}; }
    std::string at(const std::string& name) const { return path_ + ("/" + name); }
    void put(const std::string& name, std::string_view bytes, mode_t mode = 0600) const {
        std::filesystem::create_directories(std::filesystem::path(at(name)).parent_path());
        std::ofstream(at(name), std::ios::binary) << bytes;
        ::chmod(at(name).c_str(), mode);
    }
    void put_keys(std::initializer_list<SealedKey> keys) const {
        put(section_keys_name, write_section_keys({keys.begin(), keys.size()}));
    }

  private:
    char path_[32] = "/tmp/cordon-key-ring.XXXXXX";
};

bool has_key(const KeyRing& ring, std::uint8_t number) {
    const KeyCheck wanted = key_check(TagKey(key_of(number)));
    return std::any_of(ring.keys.begin(), ring.keys.end(),
                       [&](const TagKey& key) { return key_check(key) == wanted; });
}

bool says(const KeyRing& ring, const char* text) {
    return ring.fault.find(text) != std::string::npos;
}

// --- the file ------------------------------------------------------------------------------------

std::string two_keys() {
    const SealedKey keys[] = {Box().seal("one", 1), Box().seal("other", 2)};
    return write_section_keys(keys);
}

void the_file_is_read_as_it_was_written(void**) {
    Folder folder;
    const SealedKey keys[] = {Box().seal("one", 1), Box().seal("other", 2)};
    const auto read = read_section_keys(as_bytes(write_section_keys(keys)));
    assert_true(read.has_value());
    assert_int_equal(read->size(), 2);
    assert_memory_equal(read->data(), keys, sizeof keys);
    assert_true(read_section_keys(as_bytes(write_section_keys({})))->empty());
}

void refuses_every_truncation_and_every_byte_behind_the_end(void**) {
    Folder folder;
    const std::string file = two_keys();
    for (std::size_t length = 0; length < file.size(); ++length) {
        const GuardedBytes cut(as_bytes(file).first(length));
        assert_false(read_section_keys(cut.bytes()).has_value());
    }
    assert_false(read_section_keys(as_bytes(file + '\0')).has_value());
}

void refuses_every_damaged_byte(void**) {
    Folder folder;
    std::string file = two_keys();
    for (char& byte : file) {
        byte = static_cast<char>(byte ^ 0x40);
        assert_false(read_section_keys(as_bytes(file)).has_value());
        byte = static_cast<char>(byte ^ 0x40);
    }
    assert_true(read_section_keys(as_bytes(file)).has_value());
}

void refuses_a_key_without_a_name_and_reserved_bytes(void**) {
    Folder folder;
    SealedKey key = Box().seal("one", 1);
    key.reserved = 1;
    assert_false(read_section_keys(as_bytes(write_section_keys({&key, 1}))).has_value());
    key = Box().seal("", 1);
    assert_false(read_section_keys(as_bytes(write_section_keys({&key, 1}))).has_value());
    std::fill(std::begin(key.name), std::end(key.name), 'a');
    assert_false(read_section_keys(as_bytes(write_section_keys({&key, 1}))).has_value());
}

// --- unsealing -----------------------------------------------------------------------------------

void no_list_needs_a_key_and_nothing_is_amiss(void**) {
    Folder folder;
    const KeyRing ring = unseal_keys(folder.places());
    assert_true(ring.keys.empty());
    assert_true(ring.fault.empty());
    assert_int_equal(ring.protection, KeyProtection::none);
}

void opens_what_is_sealed_for_this_appliance(void**) {
    Folder folder;
    const Box node;
    folder.put(node_key_name, node.text());
    folder.put_keys({node.seal("one", 1), node.seal("other", 2)});
    const KeyRing ring = unseal_keys(folder.places());
    assert_true(ring.fault.empty());
    assert_int_equal(ring.keys.size(), 2);
    assert_true(has_key(ring, 1) && has_key(ring, 2));
    assert_int_equal(ring.protection, KeyProtection::disk);
}

void a_credential_goes_before_the_disk(void**) {
    Folder folder;
    const Box node;
    folder.put(node_key_name, Box().text());
    folder.put(std::string("credentials/") + node_key_name, node.text(), 0644);
    folder.put_keys({node.seal("one", 1)});
    const KeyRing ring = unseal_keys(folder.places());
    assert_true(has_key(ring, 1));
    assert_int_equal(ring.protection, KeyProtection::credential);
}

void a_key_that_does_not_open_is_said_and_keeps_no_other_back(void**) {
    Folder folder;
    const Box node;
    folder.put(node_key_name, node.text());
    SealedKey wrong = node.seal("wrong", 3);
    wrong.check[0] ^= 1;  // opens, to another key
    folder.put_keys({Box().seal("foreign", 1), wrong, node.seal("other", 2)});
    const KeyRing ring = unseal_keys(folder.places());
    assert_int_equal(ring.keys.size(), 1);
    assert_true(has_key(ring, 2));
    assert_true(says(ring, "wrong") && says(ring, "epoch 3"));
}

void a_node_key_that_others_can_read_is_refused(void**) {
    Folder folder;
    const Box node;
    folder.put_keys({node.seal("one", 1)});
    for (const mode_t mode : {0640u, 0604u, 0620u}) {
        folder.put(node_key_name, node.text(), mode);
        const KeyRing ring = unseal_keys(folder.places());
        assert_true(ring.keys.empty());
        assert_true(says(ring, "by others"));
    }
}

void a_node_key_in_another_form_is_refused(void**) {
    Folder folder;
    const Box node;
    folder.put_keys({node.seal("one", 1)});
    assert_true(says(unseal_keys(folder.places()), "cannot be opened"));
    const std::string text = node.text();
    for (const std::string& odd : {std::string(), text.substr(0, 64), text + "\n",
                                   text.substr(1) + "\n", "g" + text.substr(1)}) {
        folder.put(node_key_name, odd);
        const KeyRing ring = unseal_keys(folder.places());
        assert_true(ring.keys.empty());
        assert_true(says(ring, "64 hex digits"));
    }
}

void a_damaged_file_of_keys_is_said(void**) {
    Folder folder;
    folder.put(node_key_name, Box().text());
    folder.put(section_keys_name, two_keys().substr(1));
    assert_true(says(unseal_keys(folder.places()), "wrong magic"));
    folder.put(section_keys_name, two_keys() + std::string(section_keys_bytes_max, 'x'));
    assert_true(says(unseal_keys(folder.places()), "wrong length"));
}

void opens_what_control_hands_over(void**) {
    Folder folder;
    const feed::SecretKey node = feed::SecretKey::random();
    folder.put(node_key_name, feed::to_hex(node.bytes) + "\n");
    feed::SectionKey keys[] = {{"centre", 1, {}}, {"centre", 2, {}}};
    keys[0].key.bytes = key_of(1);
    keys[1].key.bytes = key_of(2);
    const std::string state_dir = folder.places().state_dir;
    assert_true(feed::hand_over_keys(keys, feed::box_public(node), state_dir).has_value());
    const KeyRing ring = unseal_keys(folder.places());
    assert_true(ring.fault.empty());
    assert_true(has_key(ring, 1) && has_key(ring, 2));
    std::ifstream file(folder.at(section_keys_name), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    assert_true(bytes.find(as_text(key_of(1))) == std::string::npos);
    keys[0].name = std::string(32, 'a');
    assert_false(feed::hand_over_keys(keys, feed::box_public(node), state_dir).has_value());
}

// --- with an index -------------------------------------------------------------------------------

IndexHolder::Status status_of(const IndexHolder& holder) {
    return holder.status([](const IndexImage&) {});
}

// The key comes after the index, as with a grant that was late; and goes again.
void a_section_comes_into_force_with_its_key(void**) {
    Folder folder;
    const Box node;
    folder.put(node_key_name, node.text());
    IndexBuilder builder({.lab = false, .generation = 1, .created_s = index_now_s});
    for (std::uint8_t key = 1; key <= 2; ++key) {
        const std::uint32_t section = *builder.add_section(
            {.name = key == 1 ? "one" : "other", .kind = SectionKind::feed}, key_of(key));
        builder.add(section, indicator(IndicatorKind::sha256, digest_of(key), key));
    }
    assert_true(builder.build(folder.at("index")).has_value());

    IndexHolder holder(0, false, folder.places());
    const auto matches = [&](std::uint8_t key) {
        assert_true(holder.load(folder.at("index"), index_now_s).has_value());
        Match match;
        return holder.in_force()->view().lookup(IndicatorKind::sha256, digest_of(key), index_now_s,
                                                &match, 1) == 1;
    };
    assert_false(matches(1) || matches(2));
    folder.put_keys({node.seal("one", 1)});
    assert_true(matches(1) && !matches(2));
    assert_true(status_of(holder).key_fault.empty());
    folder.put_keys({node.seal("one", 1), node.seal("other", 2)});
    assert_true(matches(1) && matches(2));
    folder.put_keys({Box().seal("one", 1), node.seal("other", 2)});
    assert_true(!matches(1) && matches(2));
    assert_false(status_of(holder).key_fault.empty());
    assert_int_equal(status_of(holder).key_protection, KeyProtection::disk);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_read_as_it_was_written),
        cmocka_unit_test(refuses_every_truncation_and_every_byte_behind_the_end),
        cmocka_unit_test(refuses_every_damaged_byte),
        cmocka_unit_test(refuses_a_key_without_a_name_and_reserved_bytes),
        cmocka_unit_test(no_list_needs_a_key_and_nothing_is_amiss),
        cmocka_unit_test(opens_what_is_sealed_for_this_appliance),
        cmocka_unit_test(a_credential_goes_before_the_disk),
        cmocka_unit_test(a_key_that_does_not_open_is_said_and_keeps_no_other_back),
        cmocka_unit_test(a_node_key_that_others_can_read_is_refused),
        cmocka_unit_test(a_node_key_in_another_form_is_refused),
        cmocka_unit_test(a_damaged_file_of_keys_is_said),
        cmocka_unit_test(opens_what_control_hands_over),
        cmocka_unit_test(a_section_comes_into_force_with_its_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
