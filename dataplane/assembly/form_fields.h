// The fields of a form that say which piece of which file its file part is: what chunking uploaders
// send beside the bytes. The same names count in the query of the request.
//
//     fields.open(seed);   fields.begin(name); fields.add(bytes) …; fields.end();   or take(…)
//
// Owns:       a number or the hash of an identity for each field that a recipe knows.
// Invariants: does not depend on how a value is cut into add() calls. A field that comes twice with
//             different values is ambiguous: servers take the first or the last.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     form_identity_bytes_max; unknown fields cost nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/assembly/recipe.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

// What a field tells, by one name or another (recipe_forms.cpp).
enum class FormSlot : std::uint8_t { id, number, count, offset, total };
inline constexpr std::size_t form_slots = 5;
inline constexpr std::size_t form_recipes = 7;

class FormFields {
  public:
    void open(std::uint64_t seed);
    void begin(std::string_view name);
    void add(Bytes bytes);
    void end();
    void take(std::string_view name, std::string_view value);

    // Of the file part: an identity, where an uploader has no other.
    void file_name(std::string_view name);

    // --- for recipe_of() ---
    struct Value {
        bool present = false;
        bool is_number = false;
        bool ambiguous = false;
        std::uint64_t number = 0;
        AssemblyKey identity;
    };
    const Value& value(std::size_t recipe, FormSlot slot) const {
        return values_[recipe][static_cast<std::size_t>(slot)];
    }
    const AssemblyKey& file_identity() const { return file_identity_; }
    // Values of the query count as fields.
    void take_query(std::string_view query);

  private:
    static constexpr std::uint8_t no_field = 0xff;
    void set(Value* value);
    void mark_ambiguous(std::string_view name);

    std::uint64_t seed_ = 0;
    std::uint8_t recipe_ = no_field;  // of the field under way
    FormSlot slot_ = FormSlot::id;
    std::uint16_t bytes_ = 0;
    std::array<std::array<Value, form_slots>, form_recipes> values_;
    AssemblyKey file_identity_;
    std::array<char, limits::form_identity_bytes_max> text_;
};

}  // namespace cordon
