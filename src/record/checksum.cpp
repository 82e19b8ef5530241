#include "checksum.hpp"

#include "autosampling/record/hdf5.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

namespace autosampling {
namespace {

using Trailer = std::array<char, checksum_size>;

// Of the first `size` bytes; what is missing at the end of the stream counts for nothing.
Trailer trailer_of(std::istream& in, std::uintmax_t size) {
    const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), XXH3_freeState);
    if (!state) throw std::bad_alloc();
    XXH3_64bits_reset(state.get());
    std::vector<char> buffer(std::min<std::uintmax_t>(size, 1 << 20));
    while (size > 0 && in) {
        in.read(buffer.data(), static_cast<std::streamsize>(std::min<std::uintmax_t>(size, buffer.size())));
        XXH3_64bits_update(state.get(), buffer.data(), static_cast<std::size_t>(in.gcount()));
        size -= static_cast<std::uintmax_t>(in.gcount());
    }
    const std::uint64_t hash = XXH3_64bits_digest(state.get());
    Trailer trailer;
    std::copy(checksum_mark.begin(), checksum_mark.end(), trailer.begin());
    for (std::size_t byte = 0; byte < 8; ++byte)
        trailer[checksum_mark.size() + byte] = static_cast<char>(hash >> (8 * byte));
    return trailer;
}

} // namespace

void append_checksum(const std::filesystem::path& file) {
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    const Trailer trailer = trailer_of(stream, std::filesystem::file_size(file));
    stream.seekp(0, std::ios::end);
    stream.write(trailer.data(), trailer.size());
    VALIDATE(stream.flush(), ExitCode::failure, "cannot write to ", file.string(), " (", std::strerror(errno),
             "): check the disk, its quota and its permissions");
}

void verify_checksum(const std::filesystem::path& file) {
    std::error_code unknown;
    VALIDATE(!std::filesystem::exists(file, unknown) || std::filesystem::is_regular_file(file, unknown),
             ExitCode::checkpoint, file.string(), " is no file (a folder or a device has its name): move it away");
    std::ifstream stream(file, std::ios::binary);
    VALIDATE(stream, ExitCode::checkpoint, "cannot open ", file.string(), " (", std::strerror(errno),
             "): check the path and the permissions");
    const std::uintmax_t size = std::filesystem::file_size(file);
    Trailer expected{}, found{};
    if (size >= checksum_size) {
        expected = trailer_of(stream, size - checksum_size);
        stream.read(found.data(), found.size());
    }
    VALIDATE(!stream.bad(), ExitCode::checkpoint, "cannot read ", file.string(), " (", std::strerror(errno),
             "): check the disk");
    if (!std::equal(checksum_mark.begin(), checksum_mark.end(), found.begin()))
        throw Damaged(file.string() +
                      " has no checksum at its end (it was cut short, changed by another program, or is "
                      "no record of this one): restore it from a copy");
    if (found != expected)
        throw Damaged(file.string() + " is damaged (its checksum does not hold): restore it from a copy");
}

} // namespace autosampling
