// How every bench tells its results: a line of JSON each, or the same fields for a reader.
//
//   Report("lookup", json).number("indicators", n).spread("ns", spread).end();
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/bench/rates.h"

namespace cordon::bench {

class Report {
  public:
    Report(const char* bench, bool json) : json_(json) {
        line_ = json ? std::string("{\"bench\":\"") + bench + '"' : std::string(bench) + ':';
    }

    Report& word(const char* field, const std::string& value) {
        name(field);
        line_ += json_ ? '"' + value + '"' : value;
        return *this;
    }
    Report& number(const char* field, double value) {
        name(field);
        line_ += text_of(value);
        return *this;
    }
    // Median, least and most of several runs.
    Report& spread(const char* field, const Spread& of) {
        number(field, of.median);
        if (!json_) {
            line_ += " (" + text_of(of.least) + " to " + text_of(of.most) + ")";
            return *this;
        }
        return number((std::string(field) + "_min").c_str(), of.least)
            .number((std::string(field) + "_max").c_str(), of.most);
    }
    void end() {
        if (json_) line_ += '}';
        std::printf("%s\n", line_.c_str());
        std::fflush(stdout);
    }

  private:
    void name(const char* field) {
        line_ += json_ ? std::string(",\"") + field + "\":" : std::string("  ") + field + ' ';
    }
    static std::string text_of(double value) {
        char text[32];
        const bool whole = value == static_cast<double>(static_cast<std::int64_t>(value));
        std::snprintf(text, sizeof text, whole ? "%.0f" : "%.3f", value);
        return text;
    }

    bool json_;
    std::string line_;
};

}  // namespace cordon::bench
