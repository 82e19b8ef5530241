#include "packed_file.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"

#include <array>
#include <cstring>
#include <fstream>
#include <span>
#include <vector>

namespace autosampling::detail {

namespace {

constexpr std::array<char, 8> magic{'A', 'S', 'p', 'a', 'c', 'k', '0', '1'};

struct Trailer {
    Seal seal;
    std::array<char, 8> name = magic;
};

// Of the pieces [0, begin) and [end, size), a block at a time. False where the file can't be read.
bool hash_around(std::ifstream& file, std::uint64_t begin, std::uint64_t end, std::uint64_t size, std::uint64_t& hash) {
    std::vector<char> block(1 << 20);
    hash = combine_hashes(begin, end);
    file.seekg(0);
    for (std::uint64_t at = 0; at < size;) {
        if (at == begin && begin < end) {
            at = end;
            file.seekg(static_cast<std::streamoff>(end));
            continue;
        }
        const std::uint64_t length = std::min<std::uint64_t>(block.size(), (at < begin ? begin : size) - at);
        if (!file.read(block.data(), static_cast<std::streamsize>(length))) return false;
        hash = combine_hashes(hash, hash_of(std::span<const char>(block).first(length)));
        at += length;
    }
    return true;
}

} // namespace

void seal(const std::filesystem::path& path, std::uint64_t begin, std::uint64_t end) {
    Trailer trailer{{begin, end, 0}};
    std::ifstream in(path, std::ios::binary);
    const bool read = hash_around(in, begin, end, std::filesystem::file_size(path), trailer.seal.hash);
    std::ofstream out(path, std::ios::binary | std::ios::app);
    out.write(reinterpret_cast<const char*>(&trailer), sizeof trailer);
    out.close();
    VALIDATE(read && out, ExitCode::failure, path.string(), ": cannot be written (", std::strerror(errno),
             "): check the disk and its quota");
}

bool has_seal(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    Trailer trailer;
    file.seekg(-static_cast<std::streamoff>(sizeof trailer), std::ios::end);
    file.read(reinterpret_cast<char*>(&trailer), sizeof trailer);
    return file && trailer.name == magic;
}

Seal check_seal(const std::filesystem::path& path) {
    const auto refuse = [&](const char* problem) {
        throw Error(ExitCode::data, text(path.string(), ": ", problem, ": pack it again with autosampling pack"));
    };
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) refuse("is no file but a folder");
    if (!std::filesystem::is_regular_file(path, error)) refuse("no such file (data.path)");
    const std::uint64_t size = std::filesystem::file_size(path);
    std::ifstream file(path, std::ios::binary);
    Trailer trailer;
    if (size < sizeof trailer) refuse("no packed file, or one cut short");
    const std::uint64_t inner = size - sizeof trailer;
    file.seekg(static_cast<std::streamoff>(inner));
    file.read(reinterpret_cast<char*>(&trailer), sizeof trailer);
    const Seal& seal = trailer.seal;
    if (!file || trailer.name != magic || seal.begin > seal.end || seal.end > inner)
        refuse("no packed file, or one cut short");
    std::uint64_t hash = 0;
    if (!hash_around(file, seal.begin, seal.end, inner, hash) || hash != seal.hash)
        refuse("damaged outside the images (its checksum does not hold)");
    return seal;
}

} // namespace autosampling::detail
