#include "autosampling/comm/node.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/comm/message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace autosampling {

namespace {

namespace fs = std::filesystem;

// Left free in a folder, for each rank of the node: Open MPI's own shared memory takes its room only when it is used.
constexpr std::size_t reserve = std::size_t{4} << 20;

std::string megabytes(std::size_t bytes) {
    return text((bytes + 999'999) / 1'000'000, " MB");
}

class OpenFile {
  public:
    explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
    ~OpenFile() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    // The file's first bytes, mapped; null where that fails.
    std::byte* map(std::size_t bytes) const {
        if (descriptor_ < 0) return nullptr;
        void* const start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
        return start == MAP_FAILED ? nullptr : static_cast<std::byte*>(start);
    }
    int get() const { return descriptor_; }

  private:
    int descriptor_;
};

// A new file in the folder with room for so many bytes, mapped. Sets its name, or what is in the way.
std::byte* make_file(const fs::path& folder, std::size_t bytes, std::size_t left_free, std::string& name,
                     std::string& problem) {
    std::error_code error;
    const auto space = fs::space(folder, error);
    if (!error && space.available < bytes + left_free) {
        problem = text(space.available / 1'000'000, " MB free");
        return nullptr;
    }
    std::string made = (folder / "autosampling.XXXXXX").string();
    const OpenFile file(mkostemp(made.data(), O_CLOEXEC));
    if (file.get() >= 0) name = made;
    // Takes the room now: a page that isn't there when it is written to would kill the rank.
    const int code = file.get() < 0 ? errno : posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
    std::byte* const start = code == 0 ? file.map(bytes) : nullptr;
    if (start == nullptr) problem = std::strerror(code == 0 ? errno : code);
    return start;
}

// One file, mapped by all ranks of the node, or null on all of them. Collective.
std::byte* map_together(const Communicator& node, const fs::path& folder, std::size_t bytes, std::string& problem) {
    std::string name; // empty: it couldn't be made
    std::byte* start = nullptr;
    if (node.is_root()) start = make_file(folder, bytes, reserve * to_size(node.size()), name, problem);
    const std::string made = name;
    if (start == nullptr) name.clear();
    broadcast_message(node, name);
    if (!name.empty() && !node.is_root()) start = OpenFile(open(name.c_str(), O_RDWR | O_CLOEXEC)).map(bytes);
    const std::uint8_t mapped = start != nullptr;
    const std::vector<std::uint8_t> all = node.all_gather(std::span(&mapped, 1));
    if (!made.empty()) unlink(made.c_str());
    if (std::find(all.begin(), all.end(), 0) == all.end()) return start;
    if (start != nullptr) munmap(start, bytes);
    if (problem.empty()) problem = "not all ranks can open a file there";
    return nullptr;
}

} // namespace

std::vector<fs::path> shared_memory_folders() {
    std::error_code error;
    const fs::path temporary = fs::temp_directory_path(error); // fails where there is no such folder
    return error ? std::vector<fs::path>{"/dev/shm"} : std::vector<fs::path>{"/dev/shm", temporary};
}

SharedMemory::SharedMemory(const Communicator& node, std::size_t bytes, const std::vector<fs::path>& folders) {
    std::uint64_t size[]{bytes, folders.size()}; // as the root has them
    node.broadcast(std::span<std::uint64_t>(size), 0);
    std::string problems;
    for (std::size_t i = 0; i < size[1]; ++i) {
        const fs::path folder = node.is_root() ? folders[i] : fs::path();
        std::string problem;
        mapped_ = std::max<std::size_t>(size[0], 1); // nothing can't be mapped
        if (std::byte* const start = map_together(node, folder, mapped_, problem)) {
            bytes_ = {start, size[0]};
            if (!problems.empty()) remark_ = text("a mapped file in ", folder.string(), " holds it");
            break;
        }
        problems += text(problems.empty() ? "" : ", ", folder.string(), ": ", problem);
    }
    if (bytes_.data() == nullptr) {
        mapped_ = 0;
        try {
            copy_ = std::make_unique<std::byte[]>(size[0]);
        } catch (const std::bad_alloc&) {
            throw Error(ExitCode::failure, text("no room for ", megabytes(size[0]), " that the ranks of a node share (",
                                                problems, "), nor memory for a copy a rank: make one of them larger"));
        }
        bytes_ = {copy_.get(), size[0]};
        remark_ = "each rank has a copy";
    }
    if (!remark_.empty())
        remark_ =
            text("no room for ", megabytes(size[0]), " that the ranks of a node share (", problems, "): ", remark_);
}

SharedMemory::~SharedMemory() {
    if (mapped_ > 0) munmap(bytes_.data(), mapped_);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), mapped_(std::exchange(other.mapped_, 0)), copy_(std::move(other.copy_)),
      remark_(std::move(other.remark_)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(mapped_, other.mapped_);
    std::swap(copy_, other.copy_);
    std::swap(remark_, other.remark_);
    return *this;
}

void SharedMemory::publish(const Communicator& node) {
    if (copy_)
        node.broadcast(bytes_, 0);
    else
        node.barrier();
}

} // namespace autosampling
