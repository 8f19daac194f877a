// cordonctl: the operator's command line.

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "control/cli/cli.h"

int main(int argc, char** argv) {
    cordon::Screen screen;
    winsize size = {};
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    // NO_COLOR, a habit of many programs, asks for plain text.
    screen.terminal = terminal && std::getenv("NO_COLOR") == nullptr;
    if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        screen.width = size.ws_col;
    }
    return cordon::run_cli(argc, argv, stdout, stderr, screen);
}
