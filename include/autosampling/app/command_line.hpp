// The program: command line to exit code.
#pragma once

namespace autosampling {

// Does what the command line asks for and returns the process's exit code. `run` starts and ends MPI.
int run_command_line(int argc, char** argv);

} // namespace autosampling
