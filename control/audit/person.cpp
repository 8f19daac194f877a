#include "control/audit/person.h"

#include <pwd.h>
#include <unistd.h>

#include <vector>

namespace cordon {

std::string name_of_user(std::uint32_t uid) {
    constexpr std::size_t bytes_max = 16 * 1024;
    std::vector<char> memory(bytes_max);
    passwd entry = {};
    passwd* found = nullptr;
    const int error = ::getpwuid_r(uid, &entry, memory.data(), memory.size(), &found);
    return error == 0 && found != nullptr ? found->pw_name : "#" + std::to_string(uid);
}

Person person_of(std::uint32_t uid, Role role) {
    if (uid == 0) return {0, "root", "root"};
    return {uid, name_of_user(uid), std::string(role_names[static_cast<std::size_t>(role)])};
}

Person cordond_itself() {
    return {::geteuid(), "cordond", "system"};
}

}  // namespace cordon
