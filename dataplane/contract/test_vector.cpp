#include "dataplane/contract/test_vector.h"

namespace cordon {

namespace {

constexpr char about[] =
    "CORDON TEST VECTOR 1\n"
    "\n"
    "This file is harmless, synthetic and public. Lists of known files name it as a\n"
    "test, so that an operator can see whether his appliance refuses an upload. That\n"
    "it was uploaded says nothing about whoever did so.\n"
    "\n";
constexpr int lines = 1024;
constexpr int words = 7;
// As long as the control's.
constexpr char last_line[] = "end of the vector               \n";

void append_hex(std::uint64_t value, int digits, std::string* text) {
    constexpr char hex[] = "0123456789abcdef";
    for (int at = digits - 1; at >= 0; --at)
        *text += hex[value >> (4 * at) & 15];
}

// Steele, Lea, Flood 2014; the constants are those of java.util.SplittableRandom.
class SplitMix {
  public:
    std::uint32_t word() {
        if (half_ == 0) value_ = next();
        half_ = 1 - half_;
        return static_cast<std::uint32_t>(half_ == 1 ? value_ >> 32 : value_);
    }

  private:
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t z = state_;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }

    std::uint64_t state_ = 1;
    std::uint64_t value_ = 0;
    int half_ = 0;
};

std::string without_last_line() {
    std::string text = about;
    SplitMix random;
    for (int line = 0; line < lines; ++line) {
        for (int word = 0; word < words; ++word) {
            append_hex(random.word(), 8, &text);
            text += word + 1 == words ? '\n' : ' ';
        }
    }
    return text;
}

}  // namespace

std::string test_vector() {
    return without_last_line() + last_line;
}

std::string test_control(std::uint64_t nonce) {
    std::string text = without_last_line() + "no vector      ";
    append_hex(nonce, 16, &text);
    return text + " \n";
}

}  // namespace cordon
