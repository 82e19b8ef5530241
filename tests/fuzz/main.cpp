// Runs one target, the environment's FUZZ, under libFuzzer; or, built without it, every input in the folders that are
// given, each named as a target.
#include "fuzz.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <hdf5.h>
#include <iterator>
#include <unistd.h>
#include <vector>

namespace autosampling::fuzz {

namespace fs = std::filesystem;

namespace {

class TemporaryFolder {
  public:
    TemporaryFolder() : maker_(::getpid()) {
        const fs::path base = fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
        std::string name = base / "autosampling-fuzz-XXXXXX";
        require(::mkdtemp(name.data()) != nullptr, "a folder can be made");
        path = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        if (::getpid() == maker_) fs::remove_all(path, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    fs::path path;

  private:
    ::pid_t maker_;
};

} // namespace

const fs::path& folder() {
    static const TemporaryFolder made;
    return made.path;
}

void write(const fs::path& file, Input bytes) {
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "fuzz: it doesn't hold that %s\n", what);
    std::abort();
}

} // namespace autosampling::fuzz

#ifdef AUTOSAMPLING_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace autosampling::fuzz;
    static const Target target = [] {
        const char* name = std::getenv("FUZZ");
        require(name && targets().contains(name), "FUZZ names a target");
        return targets().at(name);
    }();
    target({data, size});
    return 0;
}

#else

int main(int argc, char** argv) {
    using namespace autosampling::fuzz;
    for (int i = 1; i < argc; ++i) {
        const fs::path corpus(argv[i]);
        const auto target = targets().find(corpus.filename());
        require(target != targets().end(), "the folder's name is a target's");
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(corpus)) files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        require(!files.empty(), "there is a corpus");
        for (const fs::path& file : files) {
            std::ifstream in(file, std::ios::binary);
            const std::vector<char> bytes(std::istreambuf_iterator<char>(in), {});
            try {
                target->second({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
            } catch (const std::exception& error) {
                std::fprintf(stderr, "%s: %s\n", file.c_str(), error.what());
                return 1;
            }
        }
        std::printf("%s: %zu inputs\n", corpus.filename().c_str(), files.size());
    }
}

#endif
