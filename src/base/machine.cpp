// What build_info.hpp tells of the machine and the moment.
#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"

#include <array>
#include <ctime>
#include <fstream>
#include <map>
#include <sys/utsname.h>

namespace autosampling {
namespace {

utsname system_names() {
    utsname names{};
    uname(&names);
    return names;
}

// The first value of each key of /proc/cpuinfo.
std::map<std::string, std::string> first_processor() {
    std::map<std::string, std::string> values;
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::size_t key_end = line.find_last_not_of(" \t", colon - 1);
        const std::size_t value = line.find_first_not_of(" \t", colon + 1);
        values.emplace(line.substr(0, key_end + 1), value == std::string::npos ? "" : line.substr(value));
    }
    return values;
}

} // namespace

std::string cpu_kind() {
    const auto processor = first_processor();
    const auto name = processor.find("model name");
    std::string kind = name == processor.end() ? system_names().machine : name->second;
    // Clouds call different processors by one name; Arm's kernels give numbers in place of a name.
    for (const char* key : {"cpu family", "model", "stepping", "CPU implementer", "CPU part"}) {
        if (const auto number = processor.find(key); number != processor.end())
            kind += text(", ", key, " ", number->second);
    }
    return kind;
}

std::string host_name() {
    return system_names().nodename;
}

std::string utc(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, sizeof "2026-01-31T12:00:00Z"> buffer{};
    std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return buffer.data();
}

std::string utc_now() {
    return utc(std::chrono::system_clock::now());
}

} // namespace autosampling
