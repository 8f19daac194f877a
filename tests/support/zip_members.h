// What a ZipDecoder makes of an archive that arrives in given pieces.
//
// Owns:       copies of everything, so that nothing of the decoder's views is kept.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/object/archive_zip.h"

namespace cordon::test {

struct SeenMember {
    std::string name;
    std::string content;
    bool ended = false;
    bool is_sound = false;
    bool is_directory = false;
    std::string kept_back;  // when the archive was looked at last
};

class ZipMembers {
  public:
    explicit ZipMembers(bool leads = true, std::uint64_t seed = 0x5eed)
        : decoder_(std::make_unique<ZipDecoder>()) {
        decoder_->open(&pool(), seed, leads);
    }
    ~ZipMembers() {
        if (decoder_) decoder_->close();
    }
    ZipMembers(ZipMembers&&) = default;
    ZipMembers& operator=(ZipMembers&&) = delete;

    void feed(Bytes input) {
        // Decoded runs are small, so that members have many.
        std::array<std::uint8_t, 700> out;
        Bytes data;
        while (!stopped()) {
            const ZipDecoder::Result result = decoder_->next(&input, out, &data);
            if (result == ZipDecoder::Result::more) break;
            take(result, data);
        }
        INVARIANT(input.empty() || stopped());
        if (is_open()) members.back().kept_back = as_text(decoder_->kept_back());
    }
    void finish() {
        Bytes data;
        while (!stopped()) {
            const ZipDecoder::Result result = decoder_->finish(&data);
            if (result == ZipDecoder::Result::more) break;
            take(result, data);
        }
    }

    // "" when all is well.
    std::string fault() const {
        return outcome ? std::string(outcome_table[static_cast<std::size_t>(*outcome)].name) : "";
    }
    std::string trace() const {
        std::string text;
        for (const SeenMember& member : members) {
            text += member.name + "|" + member.content + "|" + (member.ended ? "ended" : "open") +
                    (member.is_sound ? "" : " unsound") + "\n";
        }
        for (const std::string& note : notes)
            text += "note " + note + "\n";
        return text + fault();
    }
    bool opened() const { return decoder_->opened(); }

    std::vector<SeenMember> members;
    std::vector<std::string> notes;  // outcome and name
    std::optional<Outcome> outcome;  // bad, inconsistent, limit

    static CodingPool& pool() {
        static CodingPool blocks(4, 2);
        return blocks;
    }

  private:
    bool stopped() const { return outcome.has_value(); }
    bool is_open() const { return !members.empty() && !members.back().ended; }

    void take(ZipDecoder::Result result, Bytes data) {
        switch (result) {
            case ZipDecoder::Result::more:
                return;
            case ZipDecoder::Result::member: {
                INVARIANT(!is_open());
                SeenMember member;
                member.name = decoder_->name();
                member.is_directory = decoder_->is_directory();
                members.push_back(member);
                return;
            }
            case ZipDecoder::Result::data:
                INVARIANT(is_open() && !data.empty());
                members.back().content += as_text(data);
                members.back().kept_back.clear();
                return;
            case ZipDecoder::Result::member_end:
                INVARIANT(is_open());
                INVARIANT(decoder_->name() == members.back().name);
                members.back().ended = true;
                members.back().is_sound = decoder_->member_is_sound();
                members.back().kept_back.clear();
                return;
            case ZipDecoder::Result::note: {
                const auto number = static_cast<std::size_t>(decoder_->outcome());
                notes.push_back(std::string(outcome_table[number].name) + " " +
                                std::string(decoder_->name()));
                return;
            }
            case ZipDecoder::Result::bad:
            case ZipDecoder::Result::inconsistent:
            case ZipDecoder::Result::limit:
                outcome = decoder_->outcome();
                return;
        }
    }

    std::unique_ptr<ZipDecoder> decoder_;
};

inline ZipMembers members_of(const std::vector<Bytes>& pieces, bool leads = true) {
    ZipMembers seen(leads);
    for (const Bytes piece : pieces)
        seen.feed(piece);
    seen.finish();
    return seen;
}

inline ZipMembers members_of(std::string_view archive, bool leads = true) {
    return members_of(std::vector<Bytes>{as_bytes(archive)}, leads);
}

}  // namespace cordon::test
