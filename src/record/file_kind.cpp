#include "autosampling/record/file_kind.hpp"

#include "autosampling/record/hdf5.hpp"
#include "checksum.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

namespace autosampling {
namespace {

constexpr std::string_view hdf5_start = "\x89HDF\r\n\x1a\n";
constexpr std::string_view zip_start = "PK\3\4";
constexpr std::pair<std::string_view, const char*> known_starts[] = {
    {hdf5_start, "an HDF5 file that this program didn't write, or one cut short"},
    {zip_start, "a zip archive"},
    {"\x80", "a pickle, as old versions of torch.save write it"},
    {"\x93NUMPY", "an array of NumPy's"},
};

// Its first and its last bytes; zeros where it is shorter.
std::pair<std::array<char, 512>, std::array<char, 16>> read_ends(const std::filesystem::path& path) {
    std::pair<std::array<char, 512>, std::array<char, 16>> ends{};
    std::ifstream stream(path, std::ios::binary);
    stream.read(ends.first.data(), ends.first.size());
    const bool readable = stream || stream.eof();
    VALIDATE(readable, ExitCode::checkpoint, "cannot read ", path.string(), " (", std::strerror(errno),
             "): check the permissions");
    stream.clear();
    if (stream.seekg(-16, std::ios::end)) stream.read(ends.second.data(), ends.second.size());
    return ends;
}

} // namespace

std::string file_kind(const std::filesystem::path& path) {
    if (std::filesystem::is_other(path)) return "a device or a pipe";
    const auto [first, last] = read_ends(path);
    const std::string_view start(first.data(), first.size()), end(last.data(), last.size());
    if (start.starts_with(hdf5_start) && end.starts_with(checksum_mark))
        return Hdf5File::open(path).attribute<std::string>("filetype");
    if (start.starts_with(zip_start) && start.find("/data.pkl") != start.npos) // the first name in it
        return "a zip archive, as torch.save writes it";
    for (const auto& [magic, words] : known_starts)
        if (start.starts_with(magic)) return words;
    if (start[8] == '{' && start[7] == 0) return "a safetensors file"; // 8 bytes of length, then JSON
    return std::filesystem::file_size(path) == 0 ? "an empty file" : "a file of a kind that is unknown here";
}

} // namespace autosampling
