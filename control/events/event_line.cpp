#include "control/events/event_line.h"

#include <algorithm>

namespace cordon {

namespace {

// Six digits of the second, whatever the text has.
std::string with_microseconds(std::string_view time) {
    const std::size_t dot = std::min(time.find('.'), time.size());
    const std::size_t end = dot == time.size() ? time.find('Z') : dot;
    std::string digits(dot == time.size() ? "" : time.substr(dot + 1, 6));
    digits.erase(std::find(digits.begin(), digits.end(), 'Z'), digits.end());
    digits.resize(6, '0');
    return std::string(time.substr(0, end)) + "." + digits + "+00:00";
}

}  // namespace

EventLine::EventLine(std::string_view time, std::string_view type, std::string_view id,
                     std::string_view host) {
    set(EventField::timestamp_, with_microseconds(time));
    set(EventField::event_type_, type);
    set(EventField::event_id_, id);
    set(EventField::host_, host);
}

std::string EventLine::text() const {
    return line_.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace cordon
