#include "autosampling/base/bytes.hpp"

#include <iomanip>
#include <sstream>

namespace autosampling {

std::string bytes_text(std::int64_t count) {
    std::ostringstream out;
    out << std::fixed << std::setprecision(1);
    if (count < 1000'000) {
        out << static_cast<double>(count) / 1e3 << " kB";
    } else if (count < 1000'000'000) {
        out << static_cast<double>(count) / 1e6 << " MB";
    } else {
        out << static_cast<double>(count) / 1e9 << " GB";
    }
    return std::move(out).str();
}

std::int64_t free_bytes(std::filesystem::path path) {
    std::error_code error;
    path = std::filesystem::absolute(path, error);
    while (!std::filesystem::exists(path, error) && path.has_relative_path()) path = path.parent_path();
    const auto space = std::filesystem::space(path, error);
    return error ? -1 : static_cast<std::int64_t>(space.available);
}

std::int64_t bytes_in(const std::filesystem::path& folder) {
    std::int64_t bytes = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error))
        if (entry.is_regular_file(error)) bytes += static_cast<std::int64_t>(entry.file_size(error));
    return bytes;
}

std::string room_text(const std::filesystem::path& path, std::int64_t wanted) {
    const std::int64_t left = free_bytes(path);
    return (wanted > 0 ? bytes_text(wanted) + " wanted, " : "") + (left < 0 ? "an unknown number" : bytes_text(left)) +
           " free";
}

} // namespace autosampling
