#include "autosampling/base/job.hpp"

#include "autosampling/base/error.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace autosampling {
namespace {

// Chosen one by one: schedulers keep keys in the environment, too.
constexpr std::array variables{
    "SLURM_CLUSTER_NAME",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_JOB_PARTITION",
    "SLURM_JOB_ACCOUNT",
    "SLURM_JOB_QOS",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_START_TIME",
    "SLURM_JOB_END_TIME",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_RESTART_COUNT",
    "SLURM_SUBMIT_DIR",
    "SLURM_STEP_NODELIST",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_TASKS_PER_NODE",
    "SLURM_CPUS_PER_TASK",
    "SLURM_CPU_BIND",
    "PBS_JOBID",
    "PBS_JOBNAME",
    "PBS_QUEUE",
    "PBS_ARRAY_INDEX",
    "PBS_O_WORKDIR",
    "LSB_JOBID",
    "LSB_JOBNAME",
    "LSB_JOBINDEX",
    "LSB_QUEUE",
    "LSB_MCPU_HOSTS",
    "LS_SUBCWD",
    "FLUX_JOB_ID",
    "FLUX_JOB_SIZE",
    "FLUX_JOB_NNODES",
    "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "PMI_SIZE",
    "LOADEDMODULES",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
};

// A word as a shell needs it.
std::string quoted(const std::string& word) {
    const char* const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'') quoted += "'\\'";
        quoted += c;
    }
    return quoted += '\'';
}

std::string command_line(const std::string& process) {
    std::ifstream words("/proc/" + process + "/cmdline");
    std::string line;
    for (std::string word; std::getline(words, word, '\0');) {
        if (!line.empty()) line += ' ';
        line += quoted(word);
    }
    return line;
}

} // namespace

std::string batch_job() {
    for (const char* name : {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID"})
        if (const char* value = std::getenv(name)) return value;
    return "";
}

std::optional<std::chrono::system_clock::time_point> batch_job_end() {
    const char* value = std::getenv("SLURM_JOB_END_TIME");
    if (value == nullptr) return std::nullopt;
    const auto end = std::chrono::system_clock::from_time_t(std::strtol(value, nullptr, 10));
    if (end <= std::chrono::system_clock::now()) return std::nullopt; // left over from another job
    return end;
}

std::vector<std::string> launch_lines() {
    return {command_line("self"), command_line(std::to_string(::getppid()))};
}

std::vector<std::string> launch_variables() {
    std::vector<std::string> found;
    for (const char* name : variables)
        if (const char* value = std::getenv(name)) found.push_back(text(name, "=", value));
    return found;
}

} // namespace autosampling
