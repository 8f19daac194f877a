// Who does something: the user of a process at the other end of a socket, in the role of the socket
// he came by; or cordond itself.
//
// Owns:       nothing.
// Invariants: a role includes those below it. root has the right of an admin, is shown as root and
//             is nobody's second person: it is a machine's account, and anybody may be behind it.
// Thread:     any; name_of_user() asks the system's user database.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cordon {

enum class Role : std::uint8_t {
    viewer,
    operating,
    admin
};  // "operator" is a word of the language

inline constexpr std::string_view role_names[] = {"viewer", "operator", "admin"};
inline std::span<const std::string_view> names_of(Role) {
    return role_names;
}

struct Person {
    std::uint32_t uid = 0;
    std::string name;
    std::string role;  // of role_names, "root", or "system" of cordond

    bool is_root() const { return uid == 0; }
    bool operator==(const Person&) const = default;
};

// The name of a user, or "#" and his number where the system has none.
std::string name_of_user(std::uint32_t uid);

Person person_of(std::uint32_t uid, Role role);

// cordond, where it acts by itself: an end that has come, what the journal tells.
Person cordond_itself();

}  // namespace cordon
