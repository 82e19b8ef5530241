// Packed images: what the file says of them. The images stay in it.
#include "array_file.hpp"
#include "formats.hpp"
#include "mapped_file.hpp"
#include "packed_file.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"

#include <algorithm>
#include <utility>

namespace autosampling::detail {

namespace {

constexpr std::uint64_t most_verified = std::uint64_t{2} << 30; // bytes; what is more is checked image by image

template<class T>
std::vector<T> read_all(const ArrayFile& file, const std::string& name) {
    const Array array = file.array(name);
    if (array.shape.size() != 1) file.refuse(name + " is no list", "pack it again");
    std::vector<T> values(array.rows());
    file.read<T>(array, values, [](auto, auto) {});
    return values;
}

std::int64_t read_one(const ArrayFile& file, const std::string& name) {
    const auto values = read_all<std::int64_t>(file, name);
    if (values.size() != 1) file.refuse(name + " is not one number", "pack it again");
    return values.front();
}

// A packed file, checked.
struct Packed {
    std::vector<PackedImage> images; // the training images, then those for tests
    std::vector<std::int64_t> labels;
    std::uint64_t size = 0; // of the file
};

Packed read_packed(const std::filesystem::path& path, int classes) {
    const Seal seal = check_seal(path);
    const ArrayFile file(path);
    const auto begin = read_all<std::uint64_t>(file, "begin"), length = read_all<std::uint64_t>(file, "length"),
               hash = read_all<std::uint64_t>(file, "hash");
    const auto names = file.strings("file_name");
    const MappedFile mapped(path);
    Packed packed{{}, read_all<std::int64_t>(file, "label"), mapped.bytes().size()};
    const std::size_t images = packed.labels.size();
    if (begin.size() != images || length.size() != images || hash.size() != images || names.size() != images)
        file.refuse("its tables differ in length", "pack it again");
    for (const std::int64_t label : packed.labels)
        if (label < 0 || label >= classes)
            file.refuse(text("label ", label, " is none of ", classes, " classes"), "pack it again");
    const std::uint64_t room = seal.end - seal.begin;
    for (std::size_t i = 0; i < begin.size(); ++i) {
        if (begin[i] > room || length[i] > room - begin[i])
            file.refuse(names[i] + " lies outside the file", "pack it again");
        const PackedImage image{seal.begin + begin[i], length[i], hash[i]};
        if (room <= most_verified && hash_of(mapped.bytes().subspan(image.begin, image.length)) != image.hash)
            file.refuse(text(names[i], " is damaged (its checksum does not hold)"), "pack it again");
        packed.images.push_back(image);
    }
    return packed;
}

void copy_rows(const Packed& from, std::size_t first, const ExampleSetMemory& to) {
    const auto begin = static_cast<std::ptrdiff_t>(first), rows = std::ssize(to.labels);
    std::copy_n(from.images.begin() + begin, rows, reinterpret_cast<PackedImage*>(to.bytes.data()));
    std::copy_n(from.labels.begin() + begin, rows, to.labels.begin());
}

// A file's training images. Counts those that were left out, and warns of them.
std::size_t count_training(const ArrayFile& file, const std::string& path, DatasetPlan& plan) {
    const std::int64_t skipped = read_one(file, "skipped_images"), training = read_one(file, "training_images");
    if (training < 1 || std::cmp_greater(training, file.array("label").rows()))
        file.refuse(text("it says that ", training, " images are for training"), "pack it again");
    plan.facts.skipped_images += skipped;
    if (skipped > 0)
        plan.warnings.push_back(text(path, ": ", counted(skipped, "image"), " left out when it was packed"));
    return static_cast<std::size_t>(training);
}

void plan_reward(DatasetPlan& plan) {
    const std::string& path = plan.options.reward_path;
    check_seal(path);
    const ArrayFile file(path);
    if (file.strings("class_name") != plan.facts.class_names)
        file.refuse("its classes are not those of " + plan.options.path, "pack both from trees of the same classes");
    plan.files.emplace_back(path);
    plan.reward_examples = count_training(file, path, plan);
    plan.training_examples += plan.reward_examples;
}

} // namespace

void plan_packed(DatasetPlan& plan) {
    const std::string& path = plan.options.path;
    VALIDATE(!path.empty(), ExitCode::usage,
             "data.path is empty (data.name = \"packed\" is read from a file): set it to what autosampling pack wrote");
    check_seal(path);
    const ArrayFile file(path);
    const int side = static_cast<int>(plan.options.image_size);
    plan.files = {path};
    plan.facts.storage = Storage::packed;
    plan.facts.shape = {side, side, 3};
    plan.facts.class_names = file.strings("class_name");
    plan.facts.classes = static_cast<int>(plan.facts.class_names.size());
    plan.facts.mean = {0.485, 0.456, 0.406}; // ImageNet's, as torchvision has them
    plan.facts.std = {0.229, 0.224, 0.225};
    plan.training_examples = count_training(file, path, plan);
    plan.test_examples = file.array("label").rows() - plan.training_examples;
    if (!plan.options.reward_path.empty()) plan_reward(plan);
}

LoadedParts load_packed(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    const std::size_t all = plan.training_examples, own = all - plan.reward_examples;
    const Packed packed = read_packed(plan.files.front(), plan.facts.classes);
    const std::string name = plan.files.front().string();
    LoadedParts parts{{name + " (training images)", part_of(training, all, 0, own)}, {name + " (test images)", test}};
    copy_rows(packed, 0, parts.front().examples);
    copy_rows(packed, own, test);
    if (plan.reward_examples == 0) return parts;
    Packed reward = read_packed(plan.files.at(1), plan.facts.classes);
    for (PackedImage& image : reward.images) image.begin += packed.size; // places count on
    parts.push_back(
        {plan.files.at(1).string() + " (training images)", part_of(training, all, own, plan.reward_examples)});
    copy_rows(reward, 0, parts.back().examples);
    return parts;
}

} // namespace autosampling::detail
