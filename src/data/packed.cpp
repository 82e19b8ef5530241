// Packed images: what the file says of them. The images stay in it.
#include "array_file.hpp"
#include "formats.hpp"
#include "mapped_file.hpp"
#include "packed_file.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"

#include <algorithm>

namespace autosampling::detail {

namespace {

constexpr std::uint64_t most_verified = std::uint64_t{2} << 30; // bytes; what is more is checked image by image

template<class T>
std::vector<T> read_all(const ArrayFile& file, const std::string& name) {
    const Array array = file.array(name);
    std::vector<T> values(array.rows());
    file.read<T>(array, values, [](auto, auto) {});
    return values;
}

std::vector<PackedImage> read_images(const ArrayFile& file, const Seal& seal) {
    const auto begin = read_all<std::uint64_t>(file, "begin"), length = read_all<std::uint64_t>(file, "length"),
               hash = read_all<std::uint64_t>(file, "hash");
    std::vector<PackedImage> images(begin.size());
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = {seal.begin + begin[i], length[i], hash[i]};
    return images;
}

} // namespace

void plan_packed(DatasetPlan& plan) {
    VALIDATE(!plan.options.path.empty(), ExitCode::usage,
             "data.path is empty (data.name = \"packed\" is read from a file): set it to what autosampling pack wrote");
    check_seal(plan.options.path);
    const ArrayFile file(plan.options.path);
    const int side = static_cast<int>(plan.options.image_size);
    plan.files = {plan.options.path};
    plan.facts.storage = Storage::packed;
    plan.facts.shape = {side, side, 3};
    plan.facts.class_names = file.strings("class_name");
    plan.facts.classes = static_cast<int>(plan.facts.class_names.size());
    plan.facts.mean = {0.485, 0.456, 0.406}; // ImageNet's, as torchvision has them
    plan.facts.std = {0.229, 0.224, 0.225};
    plan.training_examples = static_cast<std::size_t>(read_all<std::int64_t>(file, "training_images").at(0));
    plan.test_examples = file.array("label").rows() - plan.training_examples;
    if (const auto skipped = read_all<std::int64_t>(file, "skipped_images").at(0); skipped > 0)
        plan.warnings.push_back(text(plan.options.path, ": ", skipped, " images were left out when it was packed"));
}

void load_packed(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    const Seal seal = check_seal(plan.options.path);
    const ArrayFile file(plan.options.path);
    const auto images = read_images(file, seal);
    const auto labels = read_all<std::int64_t>(file, "label");
    const auto names = file.strings("file_name");
    const MappedFile mapped(plan.options.path);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto& [begin, length, hash] = images[i];
        if (begin + length > seal.end) file.refuse(names[i] + " lies outside the file", "pack it again");
        if (seal.end - seal.begin <= most_verified && hash_of(mapped.bytes().subspan(begin, length)) != hash)
            file.refuse(text(names[i], " is damaged (its checksum does not hold)"), "pack it again");
    }
    auto* const training_images = reinterpret_cast<PackedImage*>(training.bytes.data());
    auto* const test_images = reinterpret_cast<PackedImage*>(test.bytes.data());
    const auto boundary = static_cast<std::ptrdiff_t>(plan.training_examples);
    std::copy(images.begin(), images.begin() + boundary, training_images);
    std::copy(images.begin() + boundary, images.end(), test_images);
    std::copy(labels.begin(), labels.begin() + boundary, training.labels.begin());
    std::copy(labels.begin() + boundary, labels.end(), test.labels.begin());
}

} // namespace autosampling::detail
