#include "autosampling/data/staging.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace autosampling {

namespace {

namespace fs = std::filesystem;
using Look = std::function<void(std::span<const char> block)>;

struct Content {
    std::uint64_t bytes = 0;
    std::uint64_t hash = 0;
};

// Reads a file, a block at a time.
Content read(const fs::path& path, const Look& look) {
    std::vector<char> block(8 << 20);
    Content content;
    std::ifstream file(path, std::ios::binary);
    errno = 0;
    while (file.read(block.data(), std::ssize(block)) || file.gcount() > 0) {
        const auto piece = std::span<const char>(block).first(static_cast<std::size_t>(file.gcount()));
        content.bytes += piece.size();
        content.hash = combine_hashes(content.hash, hash_of(piece));
        look(piece);
    }
    VALIDATE(file.eof(), ExitCode::data, path.string(), ": cannot be read (", std::strerror(errno),
             "): check data.path and its permissions");
    return content;
}

// Where a copy's hash is kept.
fs::path hash_file(const fs::path& copy) {
    return copy.string() + ".xxh3";
}

// A name that another file, and the same one after a change, doesn't have.
std::string name_of(const fs::path& file) {
    std::error_code error;
    const fs::path path = fs::canonical(file, error);
    const auto bytes = error ? 0 : fs::file_size(path, error);
    const auto changed = error ? fs::file_time_type() : fs::last_write_time(path, error);
    VALIDATE(!error, ExitCode::data, file.string(), ": cannot be read (", error.message(), "): check data.path");
    const std::string key = text(path.string(), '\0', bytes, '\0', changed.time_since_epoch().count());
    return "autosampling-" + hex(hash_of(std::span<const char>(key)));
}

} // namespace

StagedFiles::StagedFiles(const std::vector<fs::path>& files, fs::path folder)
    : files_(files), folder_(std::move(folder)), is_mine_(files.size()) {
    for (const fs::path& file : files_) {
        paths_.push_back(folder_ / name_of(file) / file.filename());
        sizes_.push_back(fs::file_size(file));
    }
    bytes_ = std::accumulate(sizes_.begin(), sizes_.end(), std::uint64_t{0});
    working_ = std::async(std::launch::async, [this] { work(); });
}

StagedFiles::~StagedFiles() {
    stopped_ = true;
    if (working_.valid()) working_.wait();
    std::error_code ignored;
    for (const fs::path& path : paths_) fs::remove(path.parent_path(), ignored); // if it is empty
    if (lock_ >= 0) ::close(lock_);
}

bool StagedFiles::wait(std::chrono::milliseconds time) {
    if (!working_.valid()) return true;
    if (working_.wait_for(time) != std::future_status::ready) return false;
    working_.get();
    return true;
}

// Without locks in the file system it goes on: two jobs may then copy the same, and one of them may fail.
void StagedFiles::lock() {
    std::error_code error;
    fs::create_directories(folder_, error);
    lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    VALIDATE(lock_ >= 0, ExitCode::failure, folder_.string(), ": cannot be opened (", std::strerror(errno),
             "): set data.stage to a folder on a disk that each node has");
    while (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR) && !stopped_) {
        locked_out_ = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    locked_out_ = false;
}

void StagedFiles::go_on() const {
    VALIDATE(!stopped_, ExitCode::failure, "copying to ", folder_.string(), " was stopped: start again");
}

bool StagedFiles::holds(std::size_t i) const {
    std::error_code missing;
    if (fs::file_size(paths_[i], missing) != sizes_[i] || missing) return false;
    std::string hash;
    std::ifstream(hash_file(paths_[i])) >> hash;
    return hex(read(paths_[i], [&](auto) { go_on(); }).hash) == hash;
}

void StagedFiles::copy(std::size_t i) {
    const fs::path& path = paths_[i];
    std::error_code error; // what matters is told by the file
    fs::create_directories(path.parent_path(), error);
    fs::remove(path, error);
    NewFile file(path);
    std::ofstream out(temporary_name(path), std::ios::binary);
    const auto check = [&] {
        VALIDATE(out, ExitCode::failure, path.string(), ": cannot be written (", std::strerror(errno), "; ",
                 room_text(folder_, static_cast<std::int64_t>(sizes_[i])),
                 "): check data.stage, the disk and its quota");
    };
    check();
    const Content content = read(files_[i], [&](std::span<const char> block) {
        go_on();
        out.write(block.data(), std::ssize(block));
        check();
        copied_ += block.size();
    });
    out.close();
    check();
    VALIDATE(content.bytes == sizes_[i], ExitCode::data, files_[i].string(),
             ": changed while it was copied: start again when it is whole");
    file.publish();
    VALIDATE(read(path, [&](auto) { go_on(); }).hash == content.hash, ExitCode::failure, path.string(),
             ": is not what was written (its checksum does not hold): check the disk");
    write_file(hash_file(path), hex(content.hash) + "\n");
}

void StagedFiles::work() {
    lock();
    std::uint64_t wanted = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        is_mine_[i] = !holds(i);
        if (is_mine_[i])
            wanted += sizes_[i];
        else
            found_ += sizes_[i];
    }
    const auto free = free_bytes(folder_);
    VALIDATE(free < 0 || std::cmp_less_equal(wanted, free), ExitCode::failure, folder_.string(),
             ": no room for copies of the data (", wanted, " bytes wanted, ", free,
             " free): make room, set data.stage to another folder, or leave it empty");
    for (std::size_t i = 0; i < files_.size(); ++i)
        if (is_mine_[i]) copy(i);
}

void StagedFiles::remove() const {
    std::error_code ignored;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
        if (!is_mine_[i]) continue;
        fs::remove(hash_file(paths_[i]), ignored);
        fs::remove(paths_[i], ignored);
    }
}

} // namespace autosampling
