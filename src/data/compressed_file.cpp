#include "compressed_file.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>

namespace autosampling::detail {

void CompressedFile::Close::operator()(archive* handle) const noexcept {
    archive_read_free(handle);
}

CompressedFile::CompressedFile(std::filesystem::path path) : path_(std::move(path)), archive_(archive_read_new()) {
    archive* const handle = archive_.get();
    archive_read_support_format_raw(handle);
    archive_read_support_format_empty(handle);
    // Not all of libarchive's filters: lz4 begins with a byte that is a CIFAR label too, and others run programs.
    archive_read_support_filter_gzip(handle);
    archive_read_support_filter_bzip2(handle);
    archive_read_support_filter_xz(handle);
    archive_read_support_filter_zstd(handle);
    constexpr std::size_t block_bytes = 1 << 18;
    if (archive_read_open_filename(handle, path_.c_str(), block_bytes) != ARCHIVE_OK) refuse_unreadable();
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(handle, &entry);
    at_end_ = status == ARCHIVE_EOF;
    if (!at_end_ && status != ARCHIVE_OK) refuse_unreadable();
    const int filters = archive_filter_count(handle); // the last of them reads the file itself
    plain_ = filters == 1;
    gzip_ = filters == 2 && archive_filter_code(handle, 0) == ARCHIVE_FILTER_GZIP;
}

std::size_t CompressedFile::read(std::span<std::byte> out) {
    std::size_t done = 0;
    while (!at_end_ && done < out.size()) {
        const auto count = archive_read_data(archive_.get(), out.data() + done, out.size() - done);
        if (count < 0) refuse_unreadable();
        at_end_ = count == 0;
        if (gzip_) crc_.process_bytes(out.data() + done, static_cast<std::size_t>(count));
        if (!plain_ && at_end_) check_end();
        done += static_cast<std::size_t>(count);
        offset_ += static_cast<std::uint64_t>(count);
    }
    return done;
}

// libarchive stops at what isn't compressed data, which may only be zeros: padding of tapes.
void CompressedFile::check_end() const {
    const la_int64_t end = archive_filter_bytes(archive_.get(), -1); // of the compressed bytes
    std::ifstream file(path_, std::ios::binary);
    file.seekg(end);
    for (char byte = 0; file.get(byte);)
        if (byte != 0) refuse(offset_, "other bytes behind the compressed data", "the end of the file");
    if (gzip_) check_gzip_sum(end);
}

// libarchive 3.6 reads past a wrong sum. The trailer (RFC 1952), ahead of `end`, holds the sum and the length of the
// last member, so only a file of one member, as usual, can be checked by it.
void CompressedFile::check_gzip_sum(std::int64_t end) const {
    std::array<unsigned char, 8> trailer{};
    std::ifstream file(path_, std::ios::binary);
    file.seekg(end - std::int64_t{trailer.size()});
    if (!file.read(reinterpret_cast<char*>(trailer.data()), trailer.size())) refuse_unreadable();
    const auto little_endian = [&](std::size_t at) {
        std::uint32_t value = 0;
        for (std::size_t byte = 4; byte-- > 0;) value = value << 8 | trailer[at + byte];
        return value;
    };
    const bool one_member = little_endian(4) == static_cast<std::uint32_t>(offset_);
    if (one_member && little_endian(0) != crc_.checksum())
        refuse(offset_, "an end whose gzip checksum does not fit the bytes before it", "undamaged bytes");
}

std::uint64_t CompressedFile::length(std::uint64_t limit) {
    if (plain_) {
        std::error_code error;
        const auto size = std::filesystem::file_size(path_, error);
        if (error) refuse(0, text("a size that cannot be read (", error.message(), ")"), "a plain file");
        return size;
    }
    std::array<std::byte, 1 << 16> scratch;
    while (offset_ <= limit) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), limit + 1 - offset_));
        if (read(std::span(scratch).first(wanted)) < wanted) break;
    }
    return offset_;
}

void CompressedFile::refuse(std::uint64_t at, const std::string& found, const std::string& expected) const {
    throw Error(ExitCode::data,
                text(path_.string(), ": found ", found, " at offset ", at, plain_ ? "" : " (unpacked)", ", expected ",
                     expected, ": get the file again (jobs/get-data.sh) or correct data.path and data.name"));
}

void CompressedFile::refuse_unreadable() const {
    const char* const cause = archive_error_string(archive_.get());
    refuse(offset_, text("bytes that cannot be read (", cause ? cause : "damaged or cut short", ")"),
           "a plain file, or an undamaged one of gzip, bzip2, xz or zstd");
}

} // namespace autosampling::detail
