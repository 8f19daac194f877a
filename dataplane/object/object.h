// In which form the object of a request comes (DESIGN §4). What takes a form apart is BodyDecoder;
// a form that nothing takes apart yet is named, so that coverage does not claim it was seen.
//
// Owns:       nothing.
// Worker:     pure.
#pragma once

#include <array>
#include <string_view>

#include "dataplane/contract/journal_format.h"
#include "dataplane/http/head.h"
#include "dataplane/object/coding.h"

namespace cordon {

// Whether a request with this head carries an object at all.
bool carries_object(const Head& head);

// The form of a body that is one object, or of the payload of aws-chunked.
ObjectForm form_of(const Head& head);

bool is_multipart(std::string_view content_type);

// The body is in the chunks of S3, by either sign of it.
bool is_aws_chunked(const Head& head);

// The content codings of a request, in the order in which they were applied; aws-chunked and
// identity are none.
struct CodingList {
    std::array<ContentCoding, limits::codings_max> codings;
    std::size_t count;
    bool unknown;   // one is among them that is not undone here
    bool too_many;  // more than codings_max
};
CodingList codings_of(const Head& head);

// An object of this form is the user's file, not something that hides or only holds a piece of it.
constexpr bool is_whole_file(ObjectForm form) {
    switch (form) {
        case ObjectForm::body:
        case ObjectForm::aws_chunked:
        case ObjectForm::form_part:
        case ObjectForm::decoded:
        case ObjectForm::archive_member:
        case ObjectForm::assembled:
            return true;
        case ObjectForm::multipart:
        case ObjectForm::content_coding:
        case ObjectForm::piece:
            return false;
    }
    return false;
}

}  // namespace cordon
