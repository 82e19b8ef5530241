#include "autosampling/app/command_line.hpp"

int main(int argc, char** argv) {
    return autosampling::run_command_line(argc, argv);
}
