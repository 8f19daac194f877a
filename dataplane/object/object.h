// Which bytes of a request make an object, and in which form they come (DESIGN §4).
//
// This version takes the body as one object whatever its form; a form whose file is inside the body
// (multipart, aws-chunked, content coding, a piece of a larger upload) is named, so that coverage
// does not claim it was seen.
//
// Owns:       nothing.
// Worker:     pure.
#pragma once

#include <string_view>

#include "dataplane/contract/journal_format.h"
#include "dataplane/http/head.h"

namespace cordon {

// Whether a request with this head carries an object at all.
bool carries_object(const Head& head);

ObjectForm form_of(const Head& head);

constexpr std::string_view form_name(ObjectForm form) {
    switch (form) {
        case ObjectForm::body:
            return "body";
        case ObjectForm::multipart:
            return "multipart";
        case ObjectForm::aws_chunked:
            return "aws-chunked";
        case ObjectForm::content_coding:
            return "content-coding";
        case ObjectForm::piece:
            return "piece";
    }
    return "";
}

// The body of this form is the user's file.
constexpr bool is_whole_file(ObjectForm form) {
    return form == ObjectForm::body;
}

}  // namespace cordon
