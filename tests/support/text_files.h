// What a TextDecoder finds in a text that arrives in given pieces.
//
// Owns:       copies of everything, so that nothing of the decoder's views is kept.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/object/text_base64.h"

namespace cordon::test {

struct TextFile {
    std::string field;
    std::string content;
    std::string rest;                   // when the text was cut off, as of the last look
    std::vector<std::string> prefixes;  // all of it to some readers
    bool ended = false;
};

class TextFiles {
  public:
    // `room`: of the decoder's output.
    explicit TextFiles(std::string_view content_type, std::size_t room = 512)
        : out_(std::max(room, TextDecoder::room_min)) {
        decoder_.open(content_type);
    }

    void feed(Bytes piece) {
        take(piece);
        std::array<std::uint8_t, 2> room{};
        const std::size_t size = decoder_.rest(room);
        INVARIANT(size == 0 || (!files.empty() && !files.back().ended));
        if (!files.empty()) files.back().rest = as_text(Bytes(room).first(size));
    }
    void finish() {
        decoder_.finish();
        take({});
        INVARIANT(none);
        INVARIANT(files.empty() || files.back().ended);
    }

    // Everything, to be compared.
    std::string trace() const {
        std::string text;
        for (const TextFile& file : files) {
            text += file.field + (file.ended ? " ended " : " open ") + file.content + "\n";
            for (const std::string& prefix : file.prefixes)
                text += "or " + prefix + "\n";
        }
        return text + std::to_string(odd);
    }

    std::vector<TextFile> files;
    int odd = 0;
    bool none = false;

  private:
    void take(Bytes piece) {
        while (!none) {
            std::size_t written = 0;
            const TextResult result = decoder_.next(&piece, out_, &written);
            INVARIANT(written <= out_.size());
            INVARIANT(result == TextResult::may_end ||
                      (result == TextResult::data) == (written != 0));
            switch (result) {
                case TextResult::more:
                    INVARIANT(piece.empty());
                    return;
                case TextResult::none:
                    none = true;
                    return;
                case TextResult::open:
                    INVARIANT(files.empty() || files.back().ended);
                    files.push_back({std::string(decoder_.field()), {}, {}, {}, false});
                    break;
                case TextResult::data:
                    INVARIANT(!files.empty() && !files.back().ended);
                    files.back().content += as_text(Bytes(out_).first(written));
                    break;
                case TextResult::odd:
                    ++odd;
                    break;
                case TextResult::may_end:
                    INVARIANT(!files.empty() && !files.back().ended);
                    files.back().prefixes.push_back(
                        files.back().content + std::string(as_text(Bytes(out_).first(written))));
                    break;
                case TextResult::end:
                    INVARIANT(!files.empty() && !files.back().ended);
                    INVARIANT(files.back().field == decoder_.field());
                    files.back().ended = true;
                    files.back().rest.clear();
                    break;
            }
        }
    }

    std::vector<std::uint8_t> out_;
    TextDecoder decoder_;
};

}  // namespace cordon::test
