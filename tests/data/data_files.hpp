// Data-set files made by tests, plain or packed.
#pragma once

#include "autosampling/base/error.hpp"
#include "autosampling/data/dataset.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace autosampling::testing {

using Bytes = std::vector<std::uint8_t>;

// A folder with a space in its name that goes when the test does.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "data test.XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline Bytes read_bytes(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

// `filter`: a filter of libarchive (ARCHIVE_FILTER_GZIP, …); ARCHIVE_FILTER_NONE writes the bytes as they are.
inline void write_packed(const std::filesystem::path& path, const Bytes& bytes, int filter) {
    if (filter == ARCHIVE_FILTER_NONE) return write_bytes(path, bytes);
    std::filesystem::create_directories(path.parent_path());
    archive* const out = archive_write_new();
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    const bool good = archive_write_set_format_raw(out) == ARCHIVE_OK &&
                      archive_write_add_filter(out, filter) == ARCHIVE_OK &&
                      archive_write_open_filename(out, path.c_str()) == ARCHIVE_OK &&
                      archive_write_header(out, entry) == ARCHIVE_OK &&
                      archive_write_data(out, bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size()) &&
                      archive_write_close(out) == ARCHIVE_OK;
    archive_entry_free(entry);
    archive_write_free(out);
    if (!good) throw std::runtime_error("cannot write " + path.string());
}

// A data set with the memory that it views.
struct LoadedDataset {
    DatasetPlan plan;
    std::vector<std::byte> memory;
    Dataset dataset;
};

inline LoadedDataset load(const DataOptions& options, std::uint64_t seed = 0) {
    LoadedDataset loaded;
    loaded.plan = plan_dataset(options, seed);
    loaded.memory.resize(loaded.plan.bytes());
    load_dataset(loaded.plan, loaded.memory);
    loaded.dataset = view_dataset(loaded.plan, loaded.memory);
    return loaded;
}

inline DataOptions options_for(const std::string& name, const std::filesystem::path& folder) {
    DataOptions options;
    options.name = name;
    options.path = folder.string();
    return options;
}

// The message of the Error with this code that `action` must throw.
inline std::string refusal(ExitCode code, const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
}

inline void append_big_endian(Bytes& bytes, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

inline Bytes idx_images(std::uint32_t n, std::uint32_t height, std::uint32_t width) {
    Bytes bytes;
    for (const std::uint32_t value : {2051U, n, height, width}) append_big_endian(bytes, value);
    for (std::uint32_t i = 0; i < n * height * width; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7));
    return bytes;
}

inline Bytes idx_labels(std::uint32_t n) {
    Bytes bytes;
    for (const std::uint32_t value : {2049U, n}) append_big_endian(bytes, value);
    for (std::uint32_t i = 0; i < n; ++i) bytes.push_back(static_cast<std::uint8_t>(i % 10));
    return bytes;
}

// Pixel (record, c, y, x) of a made CIFAR file.
inline std::uint8_t cifar_pixel(std::size_t record, std::size_t c, std::size_t y, std::size_t x) {
    return static_cast<std::uint8_t>(record * 31 + c * 101 + y * 5 + x * 3);
}

// Records with the labels first_label, first_label + 1, … modulo `classes`; a coarse label before each if classes is
// 100.
inline Bytes cifar_records(std::size_t n, int classes, std::size_t first_label = 0) {
    Bytes bytes;
    for (std::size_t record = 0; record < n; ++record) {
        if (classes == 100) bytes.push_back(19);
        bytes.push_back(static_cast<std::uint8_t>((first_label + record) % classes));
        for (std::size_t c = 0; c < 3; ++c) {
            for (std::size_t y = 0; y < 32; ++y)
                for (std::size_t x = 0; x < 32; ++x) bytes.push_back(cifar_pixel(record, c, y, x));
        }
    }
    return bytes;
}

} // namespace autosampling::testing
