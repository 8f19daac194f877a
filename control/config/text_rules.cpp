#include "control/config/text_rules.h"

#include <algorithm>

namespace cordon {

namespace {

bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool hex(char c) {
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool made_of(std::string_view text, std::string_view others) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [others](char c) {
        return letter(c) || digit(c) || others.find(c) != std::string_view::npos;
    });
}

bool any_text(std::string_view) {
    return true;
}

// Crockford's base 32: no I, L, O, U, so that a case number survives the telephone.
bool case_prefix(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return std::string_view("0123456789ABCDEFGHJKMNPQRSTVWXYZ").find(c) !=
               std::string_view::npos;
    });
}

// It stands in HTML and XML answers, and people have to be able to follow it.
bool complaint(std::string_view text) {
    if (text.empty()) return true;
    const bool scheme =
        text.starts_with("https://") || text.starts_with("http://") || text.starts_with("mailto:");
    return scheme && std::all_of(text.begin(), text.end(), [](char c) {
               return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\'' &&
                      c != '\\';
           });
}

bool header_name(std::string_view text) {
    return made_of(text, "!#$%&'*+-.^_`|~");
}

bool interface(std::string_view text) {
    constexpr std::size_t interface_bytes_max = 15;  // IFNAMSIZ with its NUL is 16
    return text.size() <= interface_bytes_max && made_of(text, "-_.@:") && text != "." &&
           text != "..";
}

bool path(std::string_view text) {
    if (!text.starts_with('/') || (text.size() > 1 && text.ends_with('/'))) return false;
    return text.find("/../") == std::string_view::npos && !text.ends_with("/..");
}

bool pci(std::string_view text) {  // 0000:3b:00.1
    constexpr std::string_view shape = "xxxx:xx:xx.d";
    if (text.size() != shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool fits = shape[i] == 'x'   ? hex(text[i])
                          : shape[i] == 'd' ? (text[i] >= '0' && text[i] <= '7')
                                            : text[i] == shape[i];
        if (!fits) return false;
    }
    return true;
}

bool service_name(std::string_view text) {
    return made_of(text, "-_.");
}

// "path", or a name with a dot in it.
bool storage_name(std::string_view text) {
    const bool is_name = made_of(text, "-.") && text.find('.') != std::string_view::npos &&
                         !text.starts_with('.') && !text.ends_with('.');
    return text == "path" || is_name;
}

}  // namespace

const TextRule any_text_rule = {any_text, "text"};
const TextRule case_prefix_rule = {case_prefix,
                                   "1 to 7 of the signs 0-9 and A-Z without I, L, O, U"};
const TextRule complaint_rule = {complaint,
                                 "an address that starts with https://, http:// or mailto: and "
                                 "has no spaces or quotes"};
const TextRule header_name_rule = {header_name, "the name of an HTTP header, like X-Forwarded-For"};
const TextRule interface_rule = {interface,
                                 "the name of a network interface, like \"eth1\", of at most 15 "
                                 "letters"};
const TextRule path_rule = {path, "an absolute path without .. or a slash at its end"};
const TextRule pci_rule = {pci, "a PCI address like \"0000:3b:00.0\""};
const TextRule service_name_rule = {service_name,
                                    "a name of letters, digits, dash, dot and underscore"};
const TextRule storage_name_rule = {
    storage_name, "\"path\", or the name of the storage, like \"s3.example.com\""};

}  // namespace cordon
