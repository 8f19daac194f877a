// `cordon-bench forms`: what it costs to find the objects in a body, by the form it has, without
// their digests: beside a plain body, and beside the SHA-256 that everything found is put through.
#pragma once

namespace cordon::bench {

// 0, or 1 for arguments that are none.
int forms_command(int argc, char** argv);

}  // namespace cordon::bench
