// Data sets' files: IDX, CIFAR, packed photographs, arrays.
#include "targets.hpp"

#include "autosampling/data/columns.hpp"
#include "autosampling/data/dataset.hpp"
#include "data/packed_file.hpp"

#include <vector>

namespace autosampling::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_memory = 64 << 20; // bytes; the plan of a larger data set is as far as it goes

const fs::path base = FUZZ_BASE;

void plan_and_load(const DataOptions& options) {
    reads([&] {
        const DatasetPlan plan = plan_dataset(options, 0);
        if (plan.bytes() > most_memory) return;
        std::vector<std::byte> memory(plan.bytes());
        load_dataset(plan, memory);
        hash_dataset(view_dataset(plan, memory));
    });
}

DataOptions options_of(const std::string& name, const fs::path& path) {
    DataOptions options;
    options.name = name;
    options.path = path;
    return options;
}

// The length of the images file, then both files; they are the test files, too.
void idx(Input input) {
    Bytes bytes(input);
    const Input images = bytes.take(std::size_t{bytes.take<std::uint16_t>()});
    const Input labels = bytes.rest();
    for (const char* set : {"train", "t10k"}) {
        write(folder() / text(set, "-images-idx3-ubyte"), images);
        write(folder() / text(set, "-labels-idx1-ubyte"), labels);
    }
    plan_and_load(options_of("mnist", folder()));
}

// Which of the two, and the files one after the other, in equal parts.
void cifar(Input input) {
    Bytes bytes(input);
    const bool hundred = bytes.take<std::uint8_t>() % 2 == 1;
    const std::vector<std::string> names =
        hundred ? std::vector<std::string>{"train.bin", "test.bin"}
                : std::vector<std::string>{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    const std::size_t part = (input.size() - std::min<std::size_t>(input.size(), 1)) / names.size();
    for (const std::string& name : names) write(folder() / name, bytes.take(part));
    plan_and_load(options_of(hundred ? "cifar100" : "cifar10", folder()));
}

// A file as it is; or edits of a good one, which is sealed again.
void packed(Input input) {
    Bytes bytes(input);
    const fs::path file = folder() / "packed.h5";
    if (bytes.take<std::uint8_t>() % 8 == 0) {
        write(file, bytes.rest());
    } else {
        fs::copy_file(base / "packed.h5", file, fs::copy_options::overwrite_existing);
        const detail::Seal seal = detail::check_seal(file);
        edit_hdf5(file, bytes);
        detail::seal(file, seal.begin, std::min<std::uint64_t>(seal.end, fs::file_size(file)));
    }
    DataOptions options = options_of("packed", file);
    options.image_size = 8;
    plan_and_load(options);
}

// Edits of a good file, whose columns are read, too.
void arrays(Input input) {
    Bytes bytes(input);
    const fs::path file = folder() / "arrays.h5";
    fs::copy_file(base / "arrays.h5", file, fs::copy_options::overwrite_existing);
    DataOptions options = options_of("arrays", file);
    options.standardise = bytes.take<std::uint8_t>() % 2 == 1;
    edit_hdf5(file, bytes);
    plan_and_load(options);
    const std::vector<std::string> names{"source", "length", "mark"};
    const std::vector<std::uint32_t> rows{0, 5, 11};
    reads([&] { read_columns(file, names, 12, rows); });
}

} // namespace

void add_data_targets(std::map<std::string, Target>& targets) {
    targets.insert({{"idx", idx}, {"cifar", cifar}, {"packed", packed}, {"arrays", arrays}});
}

} // namespace autosampling::fuzz
