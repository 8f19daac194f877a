#include "control/store/personal.h"

#include <sodium.h>

#include <nlohmann/json.hpp>

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::size_t step_bytes = 256;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(case_key_bytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

// One list of the texts, for both ways.
constexpr std::pair<const char*, std::string Personal::*> texts[] = {
    {"host", &Personal::host},           {"target", &Personal::target},
    {"account", &Personal::account},     {"field", &Personal::field},
    {"name", &Personal::file_name},      {"member", &Personal::member},
    {"container", &Personal::container},
};
constexpr std::pair<const char*, PeerAddress Personal::*> peers[] = {
    {"client", &Personal::client},
    {"forwarded", &Personal::forwarded},
};

const std::string record_additional = "cordon record 1";

std::string additional(std::string_view case_number) {
    return "cordon personal 1 " + std::string(case_number);
}

const unsigned char* bytes_of(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(const Personal& personal) {
    json fields = json::object();
    for (const auto& [name, text] : texts)
        if (!(personal.*text).empty()) fields[name] = personal.*text;
    for (const auto& [name, peer] : peers) {
        const PeerAddress& one = personal.*peer;
        if (!one.address.empty()) fields[name] = {one.address, one.port};
    }
    return fields.dump();
}

Personal personal_of(const json& fields) {
    Personal personal;
    for (const auto& [name, text] : texts)
        personal.*text = fields.value(name, std::string());
    for (const auto& [name, peer] : peers) {
        if (!fields.contains(name)) continue;
        personal.*
            peer = {fields[name].at(0).get<std::string>(), fields[name].at(1).get<std::uint16_t>()};
    }
    return personal;
}

std::vector<std::uint8_t> seal_text(std::string text, const CaseKey& key, const std::string& with) {
    const std::size_t length = text.size();
    text.resize((length / step_bytes + 1) * step_bytes);
    std::size_t padded = 0;
    sodium_pad(&padded, reinterpret_cast<unsigned char*>(text.data()), length, step_bytes,
               text.size());
    std::vector<std::uint8_t> sealed(nonce_bytes + text.size() + tag_bytes);
    randombytes_buf(sealed.data(), nonce_bytes);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + nonce_bytes, nullptr, bytes_of(text),
                                               text.size(), bytes_of(with), with.size(), nullptr,
                                               sealed.data(), key.data());
    return sealed;
}

std::optional<std::string> open_text(Bytes sealed, const CaseKey& key, const std::string& with) {
    if (sealed.size() < nonce_bytes + tag_bytes + step_bytes) return std::nullopt;
    std::string text(sealed.size() - nonce_bytes - tag_bytes, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(text.data());
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, nullptr, nullptr, sealed.data() + nonce_bytes, sealed.size() - nonce_bytes,
            bytes_of(with), with.size(), sealed.data(), key.data()) != 0) {
        return std::nullopt;
    }
    std::size_t length = 0;
    if (sodium_unpad(&length, out, text.size(), step_bytes) != 0) return std::nullopt;
    text.resize(length);
    return text;
}

}  // namespace

std::vector<std::uint8_t> seal_personal(const Personal& personal, const CaseKey& key,
                                        std::string_view case_number) {
    return seal_text(text_of(personal), key, additional(case_number));
}

std::optional<Personal> open_personal(Bytes sealed, const CaseKey& key,
                                      std::string_view case_number) {
    const std::optional<std::string> text = open_text(sealed, key, additional(case_number));
    // What opens was written by us.
    return text ? std::optional(personal_of(json::parse(*text))) : std::nullopt;
}

std::vector<std::uint8_t> seal_record(Bytes record, const CaseKey& key) {
    return seal_text(std::string(as_text(record)), key, record_additional);
}

std::optional<std::string> open_record(Bytes sealed, const CaseKey& key) {
    return open_text(sealed, key, record_additional);
}

}  // namespace cordon
