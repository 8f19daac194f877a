// Any text as a configuration: an error with a line, or Options that hold what they promise.

#include <cstdlib>
#include <string_view>

#include "control/config/config.h"
#include "dataplane/contract/options_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const cordon::Result<cordon::Config> config = cordon::parse_config(text, "f");
    if (config) {
        if (check_options(config->options) != cordon::OptionsFileResult::ok) std::abort();
        return 0;
    }
    const std::string message = config.error().message();
    if (config.error().code != cordon::ErrorCode::config) std::abort();
    if (!message.starts_with("f:")) std::abort();
    // Nothing of the file may steer the terminal the error is shown on.
    for (const char c : message) {
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n') std::abort();
    }
    return 0;
}
