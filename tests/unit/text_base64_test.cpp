#include "dataplane/object/text_base64.h"

#include <memory>
#include <random>

#include "tests/support/base64_text.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"
#include "tests/support/text_files.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view form = "application/x-www-form-urlencoded";

std::string file_of(std::size_t bytes, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::string file;
    while (file.size() < bytes)
        file += static_cast<char>(random());
    return file;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

std::string in_lines(const std::string& text, std::size_t chars, std::string_view line_end) {
    std::string lines;
    for (std::size_t at = 0; at < text.size(); at += chars)
        lines += text.substr(at, chars) + std::string(line_end);
    return lines;
}

TextFiles found(std::string_view text, std::string_view type = {}) {
    TextFiles files(type);
    files.feed(as_bytes(text));
    files.finish();
    return files;
}

// The same whole, cut in two anywhere, and byte by byte; each piece ends at an unreadable page.
TextFiles found_at_every_split(std::string_view text, std::string_view type = {}) {
    const TextFiles whole = found(text, type);
    every_split(as_bytes(text), [&](const std::vector<Bytes>& pieces) {
        TextFiles files(type, TextDecoder::room_min + pieces.size() % 3);
        for (const Bytes piece : pieces)
            files.feed(GuardedBytes(piece).bytes());
        files.finish();
        assert_true(files.trace() == whole.trace());
    });
    return whole;
}

void expect_file(std::string_view text, std::string_view file, std::string_view field = {},
                 std::string_view type = {}, int odd = 0) {
    const TextFiles seen = found_at_every_split(text, type);
    assert_int_equal(seen.files.size(), 1);
    assert_true(seen.files[0].ended);
    assert_memory_equal(seen.files[0].content.data(), file.data(),
                        std::min(file.size(), seen.files[0].content.size()));
    assert_int_equal(seen.files[0].content.size(), file.size());
    assert_string_equal(seen.files[0].field.c_str(), std::string(field).c_str());
    assert_int_equal(seen.odd, odd);
}

void expect_none(std::string_view text, std::string_view type = {}) {
    const TextFiles seen = found_at_every_split(text, type);
    assert_int_equal(seen.files.size(), 0);
    assert_int_equal(seen.odd, 0);
}

void a_body_of_base64_is_its_file(void**) {
    for (const std::size_t bytes : {120u, 121u, 122u, 400u}) {
        const std::string file = file_of(bytes);
        const std::string text = base64_of(file);
        expect_file(text, file);
        expect_file(replaced(text, "=", ""), file);
        expect_file(replaced(replaced(text, "+", "-"), "/", "_"), file);
        expect_file(text + "\r\n", file);
        expect_file(" \r\n\t" + text, file);
        expect_file("\xef\xbb\xbf" + text, file);
        for (const std::size_t chars : {60u, 64u, 76u, 16u}) {
            expect_file(in_lines(text, chars, "\r\n"), file);
            expect_file(in_lines(text, chars, "\n"), file);
        }
    }
}

void what_is_short_is_no_file(void**) {
    const std::string text = base64_of(file_of(120));
    expect_file(text, file_of(120));
    expect_none(text.substr(1));
    expect_none(base64_of(file_of(118)));
    expect_none("");
    expect_none("\"" + text.substr(1) + "\"");
    expect_none("a=" + text.substr(1), form);
}

void a_text_file_is_none(void**) {
    std::string words, sums, prose;
    for (unsigned n = 0; n < 100; ++n) {
        words += "aardvark" + std::to_string(n) + "\n";
        sums += std::string(64, 'c') + "  file\n";
        prose += "Es war einmal ein Text, ";
    }
    for (const std::string& text : {words, sums, prose}) {
        expect_none(text);
        assert_true(found(text).none);
    }
    expect_none("GIF89a" + file_of(400));
    expect_none(file_of(400));
    expect_none("-----BEGIN CERTIFICATE-----\n" + base64_of(file_of(300)));
    // It is known early, so that it costs nothing.
    TextFiles seen({});
    seen.feed(as_bytes("\x89PNG"));
    assert_true(seen.none);
}

void a_data_url_is_its_file_however_short(void**) {
    const std::string file = file_of(400), small = "tiny";
    expect_file("data:image/png;base64," + base64_of(file), file);
    expect_file("Data:;BASE64," + base64_of(small), small);
    expect_file("data:image/png;name=a.png;charset=utf-8;base64," + base64_of(small), small);
    expect_file("data:image/png;base64,%64GlueQ%3D%3D", small);
    expect_file("data:image/png;base64," + replaced(base64_of(file), "/", "%2f"), file);
    expect_none("data:text/plain," + base64_of(file));
    expect_none("data:text/plain;base64x," + base64_of(file));
    expect_none("data:" + std::string(limits::text_url_head_chars_max, 'x') + ";base64,dGlueQ==");
    expect_none("data:;base64,");
    expect_none("data:;base64,=");
    expect_none("xdata:image/png;base64," + base64_of(file));
    expect_none("datA");
}

void every_long_string_of_json_is_a_file(void**) {
    const std::string one = file_of(200, 1), two = file_of(301, 2);
    const std::string a = base64_of(one), b = base64_of(two);
    expect_file("{\"name\":\"a.png\",\"data\":\"" + a + "\"}", one, "data");
    expect_file(" {\"file\" : {\"deep\":[1,{\"image\"\n:\n\"" + b + "\"}]}}", two, "image");
    expect_file("\"" + a + "\"", one);
    expect_file("[\"" + a + "\"]", one);
    expect_file("\xef\xbb\xbf{\"data\":\"data:image\\/png;base64," + a + "\"}", one, "data");
    expect_file("{\"d\":\"data:;base64,dGlueQ==\"}", "tiny", "d");
    const TextFiles seen = found_at_every_split("{\"files\":[\"" + a + "\",\"" + b +
                                                "\"],\"x\":{\"y\":1},\"key\":\"" + a + "\"}");
    assert_int_equal(seen.files.size(), 3);
    assert_string_equal(seen.files[0].field.c_str(), "files");
    assert_string_equal(seen.files[1].field.c_str(), "files");
    assert_string_equal(seen.files[2].field.c_str(), "key");
    assert_true(seen.files[0].content == one && seen.files[1].content == two);
    assert_true(seen.files[2].content == one);
}

void escapes_of_json_are_undone(void**) {
    const std::string file = file_of(600);
    const std::string text = base64_of(file);
    assert_true(text.find('/') != std::string::npos && text.find('+') != std::string::npos);
    const auto json = [](const std::string& value) { return "{\"data\":\"" + value + "\"}"; };
    expect_file(json(replaced(text, "/", "\\/")), file, "data");
    expect_file(json(replaced(text, "/", "\\u002f")), file, "data");
    expect_file(json(replaced(replaced(text, "+", "\\u002B"), "=", "\\u003d")), file, "data");
    expect_file(json(in_lines(text, 76, "\\r\\n")), file, "data");
    expect_file(json(in_lines(text, 64, "\\n")), file, "data");
    std::string all;
    for (const char c : text)
        all += std::string("\\u00") + "0123456789abcdef"[c >> 4] + "0123456789ABCDEF"[c & 15];
    expect_file(json(all), file, "data");
    expect_file("{\"d\\u0061t\\u00e4\\u20ac\\ud83d\":\"" + text + "\"}", file,
                "dat\xc3\xa4\xe2\x82\xac\xef\xbf\xbd");
}

void values_of_a_form_are_files(void**) {
    const std::string file = file_of(600);
    const std::string text = base64_of(file);
    const std::string sent = replaced(replaced(replaced(text, "+", "%2B"), "/", "%2F"), "=", "%3D");
    expect_file("name=a.png&data=" + sent + "&x=y", file, "data", form);
    expect_file("data=" + sent, file, "data", "Application/x-www-form-URLencoded; charset=utf-8");
    expect_file("file%5b0%5D=data%3Aimage%2Fpng%3Bbase64%2C" + sent, file, "file[0]", form);
    // Built by hand, without any escape.
    expect_file("image=data:image/png;base64," + text, file, "image", form);
    // What is declared to be a form, because a client says so of everything.
    expect_file(text, file, {}, form);
    expect_file("data:image/png;base64," + text, file, {}, form);
    expect_file("{\"data\":\"" + text + "\"}", file, "data", form);
    expect_none("data=" + text);  // not declared: no server takes it apart
    expect_none("a&&=&b%=&%4&=%zz&" + std::string(200, '='), form);
    const TextFiles seen = found_at_every_split("a=" + sent + "&b=" + sent, form);
    assert_int_equal(seen.files.size(), 2);
    assert_true(seen.files[1].field == "b" && seen.files[1].content == file);
}

// A name may look like the beginning of something else, and a value may hold JSON.
void no_beginning_hides_a_form(void**) {
    const std::string file = file_of(600);
    const std::string text = base64_of(file);
    const std::string sent = replaced(replaced(replaced(text, "+", "%2B"), "/", "%2F"), "=", "%3D");
    for (const std::string name :
         {"{", "[1,{\"", "{=&x", "{\"=&x", "{\"a\":\"b&x", "data:", "data:&x", "data:,&x",
          "data:;base64,&x", "%22&x", "\"&x", "\"\\&x"}) {
        const TextFiles seen = found_at_every_split(name + "=" + sent + "&y=z", form);
        assert_int_equal(seen.files.size(), 1);
        assert_true(seen.files[0].content == file);
    }
    const TextFiles seen = found_at_every_split(text + "&x=" + sent, form);
    assert_int_equal(seen.files.size(), 2);
    assert_true(seen.files[0].content == file && seen.files[1].content == file);
    assert_int_equal(found(text.substr(0, 160) + "=" + sent, form).files.size(), 2);
    expect_file("payload=%7B%22n%22%3A%22a%22%2C%22d%22%3A%22" + replaced(sent, "%2F", "%5C%2F") +
                    "%22%7D&x=y",
                file, "payload", form);
    expect_file("payload={\"d\":\"" + replaced(text, "/", "\\/") + "\"}", file, "payload", form);
    expect_file("{\"u\":\"a=b&c\",\"d\":\"data:;x=y;base64," + text + "\"}", file, "d", form);
    expect_file(sent, file, {}, form);  // curl --data-urlencode
}

void other_characters_are_passed_over_and_noted(void**) {
    const std::string file = file_of(300);
    std::string text = base64_of(file);
    text.insert(200, "!");
    text.insert(300, "\x80*");
    expect_file(text, file, {}, {}, 1);
    expect_file("{\"d\":\"" + text + "\"}", file, "d", {}, 1);
    text = base64_of(file);
    text.insert(200, " \t\r\n");
    expect_file(text, file);
}

// As the readers that are asked get: which part of a text each one decodes.
void expect_readings(std::string_view text, std::string_view all,
                     const std::vector<std::string>& prefixes) {
    for (const std::string& sent : {std::string(text), "{\"d\":\"" + std::string(text) + "\"}",
                                    "data:;base64," + std::string(text)}) {
        const TextFiles seen = found_at_every_split(sent);
        assert_int_equal(seen.files.size(), 1);
        assert_true(seen.files[0].content == all);
        assert_true(seen.files[0].prefixes == prefixes);
        assert_int_equal(seen.odd, prefixes.empty() ? 0 : 1);
    }
}

// The first "=" ends the text for Node, Ruby and Perl, complete padding for Python, none for PHP.
void padding_in_the_middle_is_read_as_each_reader_does(void**) {
    const std::string file = file_of(300);
    const std::string text = base64_of(file);
    expect_readings(text + "=\n", file, {});
    expect_readings(text + "====", file, {});
    // Where it belongs to no quantum, Python and PHP pass over it.
    expect_readings(text.substr(0, 200) + "=" + text.substr(200), file, {file.substr(0, 150)});
    expect_readings(text.substr(0, 200) + "====" + text.substr(200), file, {file.substr(0, 150)});
    expect_readings(text.substr(0, 201) + "=" + text.substr(201), file, {file.substr(0, 150)});
    expect_readings(text.substr(0, 202) + "=" + text.substr(202), file, {file.substr(0, 151)});
    expect_readings(text.substr(0, 202) + "=\n" + text.substr(202, 2) + "=" + text.substr(204),
                    file, {file.substr(0, 151)});
    // Where it completes one, Python ends as well.
    expect_readings(text.substr(0, 203) + "=" + text.substr(203), file, {file.substr(0, 152)});
    expect_readings(text.substr(0, 202) + "==" + text.substr(202), file, {file.substr(0, 151)});
    // One that Python passes over, and later one at which it ends.
    expect_readings(text.substr(0, 200) + "=" + text.substr(200, 3) + "=" + text.substr(203), file,
                    {file.substr(0, 150), file.substr(0, 152)});
    expect_none("=" + text);
    expect_file("data:;base64,=" + text, file, {}, {}, 1);
}

void a_file_that_is_cut_short_is_what_came(void**) {
    const std::string file = file_of(300);
    const std::string text = base64_of(file);
    expect_file(text.substr(0, 361), file.substr(0, 270));
    expect_file(text.substr(0, 362), file.substr(0, 271));
    expect_file(text.substr(0, 363), file.substr(0, 272));
    // A string without its quote is no JSON.
    expect_file("{\"d\":\"" + text, file, "d", {}, 1);
    expect_file("{\"d\":\"" + text + "\\u00", file, "d", {}, 1);
    TextFiles seen({});
    seen.feed(as_bytes(text).first(363));
    assert_int_equal(seen.files[0].content.size(), 270);
    assert_true(seen.files[0].rest == file.substr(270, 2));
}

void a_long_key_is_cut(void**) {
    const std::string file = file_of(300);
    const std::string key = std::string("a key") + std::string(300, 'k');
    expect_file("{\"" + key + "x.\":\"" + base64_of(file) + "\"}", file,
                key.substr(0, limits::form_field_name_bytes_max), {}, 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_base64_is_its_file),
        cmocka_unit_test(what_is_short_is_no_file),
        cmocka_unit_test(a_text_file_is_none),
        cmocka_unit_test(a_data_url_is_its_file_however_short),
        cmocka_unit_test(every_long_string_of_json_is_a_file),
        cmocka_unit_test(escapes_of_json_are_undone),
        cmocka_unit_test(values_of_a_form_are_files),
        cmocka_unit_test(no_beginning_hides_a_form),
        cmocka_unit_test(other_characters_are_passed_over_and_noted),
        cmocka_unit_test(padding_in_the_middle_is_read_as_each_reader_does),
        cmocka_unit_test(a_file_that_is_cut_short_is_what_came),
        cmocka_unit_test(a_long_key_is_cut),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
