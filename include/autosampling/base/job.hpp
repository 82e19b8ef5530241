// What a process knows of the job that it belongs to: from its environment, and of the process that started it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace autosampling {

// What the batch system calls this job; empty without one.
std::string batch_job();

// When the batch system ends this job, where that is known (SLURM_JOB_END_TIME) and to come.
std::optional<std::chrono::system_clock::time_point> batch_job_end();

// The command lines of this process and of the one that started it, as a shell would take them.
std::vector<std::string> launch_lines();

// NAME=VALUE of the variables that tell how it was started: those of schedulers, of modules, and of threads and
// devices. None that may hold a password or a key.
std::vector<std::string> launch_variables();

} // namespace autosampling
