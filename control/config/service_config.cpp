#include "control/config/service_config.h"

#include <algorithm>

#include "control/config/address.h"
#include "control/config/text_rules.h"

namespace cordon {

namespace {

ServiceOptions defaults() {
    ServiceOptions s = {};
    s.vlan = -1;
    s.mode = ServiceMode::enforce;
    s.fail = FailMode::open;
    s.on_midstream = MidstreamAction::retire;
    s.on_tls = UninspectedAction::reset;
    s.on_unparsable = UninspectedAction::refuse;
    s.on_limit = UninspectedAction::refuse;
    s.dismiss = DismissBy::head;
    return s;
}

std::string wrong_prefix(const std::string& text, AddressResult result, AddressPrefix prefix) {
    const std::string quoted = "\"" + shown(text) + "\" ";
    switch (result) {
        case AddressResult::ok:
            break;
        case AddressResult::not_an_address:
            return quoted +
                   "is no address; allowed are \"192.0.2.10\", \"192.0.2.0/24\", "
                   "\"2001:db8::1\", \"2001:db8::/32\"";
        case AddressResult::bad_length:
            return quoted + "has no length of 0 to 32 (IPv4) or 0 to 128 (IPv6) behind its slash";
        case AddressResult::host_bits:
            return quoted + "has bits set behind its length; write \"" + format_prefix(prefix) +
                   "\"";
        case AddressResult::covers_ipv4:
            return quoted +
                   "would cover every IPv4 address as well; write \"2000::/3\" for all of "
                   "IPv6";
    }
    return "";
}

bool read_prefix(TomlSection* section, std::string_view key, const std::string& text,
                 AddressPrefix* prefix) {
    const AddressResult result = parse_prefix(text, prefix);
    if (result == AddressResult::ok) return true;
    section->refuse(key, wrong_prefix(text, result, *prefix));
    return false;
}

void require(TomlSection* section, std::string_view key, std::string_view why) {
    if (!section->has(key)) section->refuse(key, "is missing; " + std::string(why));
}

void read_place(TomlSection* section, ServiceOptions* s) {
    section->text("name", s->name, service_name_rule);
    require(section, "name", "give the service a name, like name = \"photos\"");

    constexpr std::size_t prefix_bytes_max = 64;
    std::string address;
    if (section->text("address", &address, prefix_bytes_max, any_text_rule)) {
        read_prefix(section, "address", address, &s->prefix);
    }
    require(section, "address", "write the address or prefix of the storage side");
    section->number("port", &s->port, 1, 65535);
    require(section, "port", "write the TCP port, like port = 80");
    section->number("vlan", &s->vlan, 0, 4094);
}

void read_mode(TomlSection* section, ServiceOptions* s) {
    section->choice("mode", &s->mode);
    // A file stays; a bypass must not.
    if (s->mode == ServiceMode::bypass) {
        section->refuse("mode",
                        "bypass is nothing to write down: it has an end, a reason and two persons "
                        "(`cordonctl bypass SERVICE --for 30m --reason TEXT`)");
    }
    section->choice("fail", &s->fail);
    // Who lets nothing pass while the dataplane is away does not let its end pass afterwards.
    if (s->fail == FailMode::closed) s->on_midstream = MidstreamAction::reset;
    section->choice("on_tls", &s->on_tls);
    section->choice("on_unparsable", &s->on_unparsable);
    section->choice("on_midstream", &s->on_midstream);
    section->choice("on_limit", &s->on_limit);
    section->flag("allow_upgrade", &s->allow_upgrade);
    section->flag("weak_blocks", &s->weak_blocks);
    section->choice("dismiss", &s->dismiss);
    section->choice("embedded_archives", &s->embedded_archives);
    section->text("copy_sources", s->copy_sources, storage_name_rule);
}

void read_hops(TomlSection* section, ServiceOptions* s) {
    std::vector<std::string> hops;
    section->texts("trusted_hops", &hops);
    if (hops.size() > std::size(s->trusted_hops)) {
        section->refuse("trusted_hops", "has " + std::to_string(hops.size()) +
                                            " prefixes; at most " +
                                            std::to_string(std::size(s->trusted_hops)) + " fit");
        return;
    }
    for (const std::string& hop : hops) {
        AddressPrefix prefix;
        if (!read_prefix(section, "trusted_hops", hop, &prefix)) continue;
        s->trusted_hops[s->trusted_hop_count++] = prefix;
    }
}

// Header names are compared without case; the options file carries them in small letters.
void read_header(TomlSection* section, std::string_view key, bool wanted, std::string_view reason,
                 char (&value)[64]) {
    section->text(key, value, header_name_rule);
    for (char& c : value) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    if (wanted && !section->has(key)) section->refuse(key, "is missing; " + std::string(reason));
    if (!wanted && section->has(key))
        section->refuse(key,
                        "has a meaning only where it is asked "
                        "for: " +
                            std::string(reason));
}

void read_origin(TomlSection* section, ServiceOptions* s) {
    section->choice("proxy_protocol", &s->proxy_protocol);
    section->choice("client_from", &s->client_from);
    section->choice("account_from", &s->account_from);
    read_hops(section, s);
    read_header(section, "client_header", s->client_from == ClientFrom::header,
                "client_from = \"header\" needs the header's name", s->client_header);
    read_header(section, "account_header", s->account_from == AccountFrom::header,
                "account_from = \"header\" needs the header's name", s->account_header);

    if (s->client_from == ClientFrom::proxy && s->proxy_protocol == ProxyProtocol::off) {
        section->refuse("client_from", "proxy needs proxy_protocol = \"accept\" or \"require\"");
    }
    // Anybody can write a PROXY line or a header; only a listed hop is believed.
    const bool needs_hops =
        s->client_from != ClientFrom::peer || s->proxy_protocol != ProxyProtocol::off;
    if (needs_hops && !section->has("trusted_hops")) {
        section->refuse("trusted_hops",
                        "is missing; list the addresses of the terminators whose "
                        "PROXY line or header is believed");
    }
}

bool same_place(const ServiceOptions& a, const ServiceOptions& b) {
    return std::memcmp(&a.prefix, &b.prefix, sizeof a.prefix) == 0 && a.port == b.port &&
           a.vlan == b.vlan;
}

bool unique(TomlSection* section, const ServiceOptions& s, const Options& options) {
    for (std::uint32_t i = 0; i < options.service_count; ++i) {
        const ServiceOptions& other = options.services[i];
        if (s.name[0] != '\0' && std::strcmp(other.name, s.name) == 0) {
            section->refuse("name", "\"" + std::string(s.name) +
                                        "\" is the name of another "
                                        "service already");
            return false;
        }
        if (s.port != 0 && same_place(other, s)) {
            section->refuse("address", format_prefix(s.prefix) + " port " + std::to_string(s.port) +
                                           " is service \"" + std::string(other.name) +
                                           "\" already");
            return false;
        }
    }
    return true;
}

}  // namespace

void read_service(TomlSection* section, Options* options, VerifierOptions* verifier) {
    ServiceOptions s = defaults();
    read_place(section, &s);
    read_mode(section, &s);
    read_origin(section, &s);
    VerifiedService verified;
    s.verify = read_verified_service(section, s.name, &verified) ? 1 : 0;
    if (s.verify != 0) verified.swift.copy(s.swift, sizeof s.swift - 1);
    TestedService tested;
    const bool is_tested = read_tested_service(section, s.name, options->lab != 0, &tested);
    section->finish();
    if (!unique(section, s, *options)) return;
    options->services[options->service_count++] = s;
    if (s.verify != 0) verifier->services.push_back(std::move(verified));
    if (is_tested) verifier->tested.push_back(std::move(tested));
}

}  // namespace cordon
