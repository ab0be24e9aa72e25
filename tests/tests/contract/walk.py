"""A walk through the whole API with the client that is generated from its document.

walk.py ADDRESS PICTURE.png, with the generated package on the module path. It ends with an error where the server and
its document disagree, or an answer is not what it should be.
"""

import sys
import time
import uuid
from io import BytesIO

import pixmill_client as pixmill
from pixmill_client import exceptions

ADDRESS, PICTURE = sys.argv[1], open(sys.argv[2], "rb").read()
NAME, PASSWORD = f"walker-{uuid.uuid4().hex[:12]}", "strongPassword!"
UNKNOWN = "671cd3df6b14c65a5537b3b3"


class Apis:
    """Everything that one user can call."""

    def __init__(self, token=None):
        client = pixmill.ApiClient(pixmill.Configuration(host=ADDRESS, access_token=token))
        self.accounts = pixmill.AccountsApi(client)
        self.images = pixmill.ImagesApi(client)
        self.versions = pixmill.VersionsApi(client)
        self.transformations = pixmill.TransformationsApi(client)
        self.jobs = pixmill.JobsApi(client)
        self.operators = pixmill.OperatorsApi(client)


def refused(status, code, call, *arguments, **named):
    """Checks that a call is answered with this problem, typed as the document says."""
    try:
        answer = call(*arguments, **named)
    except exceptions.ApiException as error:
        problem = error.data if isinstance(error.data, pixmill.Problem) else pixmill.Problem.from_json(error.body)
        assert (error.status, problem.status, problem.code) == (status, status, code), error
        assert problem.detail and problem.request_id, error
        return problem
    raise AssertionError(f"expected {status} {code}, got {answer}")


def ended(apis, job):
    """Polls until a job has ended."""
    for _ in range(600):
        status = apis.transformations.get_job_status(job).actual_instance
        if status.status != "pending":
            return status
        time.sleep(0.05)
    raise AssertionError(f"job {job} does not end")


def transformed(apis, image, **fields):
    """Submits a transformation and waits for it."""
    request = pixmill.TransformRequest(**fields)
    job = apis.transformations.transform_image(image, request).job_id
    status = ended(apis, job)
    assert status.status == "completed" and status.image_id == image, status
    return job, status


nobody = Apis()
assert nobody.operators.get_liveness().status == "ok"
credentials = pixmill.Credentials(username=NAME, password=PASSWORD)
assert nobody.accounts.register_user(credentials).message == "User registered successfully"
refused(409, "username_taken", nobody.accounts.register_user, credentials)
wrong = pixmill.Credentials(username=NAME, password="wrongPassword!")
refused(401, "login_refused", nobody.accounts.login, wrong)
refused(401, "token_missing", nobody.images.list_images)
user = Apis(nobody.accounts.login(credentials).token)

# Uploading, once.
key = str(uuid.uuid4())
uploaded = user.images.upload_image(PICTURE, idempotency_key=key)
assert uploaded.message == "Image uploaded and saved"
image = uploaded.id
assert user.images.upload_image(PICTURE, idempotency_key=key).id == image
refused(422, "idempotency_key_reused", user.images.upload_image, PICTURE[:-12] + PICTURE[-12:] * 2, idempotency_key=key)
refused(415, "unsupported_format", user.images.upload_image, b"this is a text, whatever its name says")
listed = user.images.list_images(limit=1)
assert [item.id for item in listed.items] == [image] and listed.next is None, listed
seen = user.images.get_image(image)
assert (seen.format, seen.version, seen.width, seen.height) == ("png", 1, 40, 30), seen
assert user.images.get_image_content(image) == PICTURE
refused(404, "unknown_image", user.images.get_image, UNKNOWN)

# A result that is not saved.
job, status = transformed(user, image, width=20, format="webp", save_image=False)
assert status.image_url is None, status
result = user.transformations.get_transformed_image(job)
assert result[:4] == b"RIFF" and result[8:12] == b"WEBP", result[:16]
followed = user.jobs.get_job(job)
assert (followed.state, followed.result.width, followed.result.height) == ("completed", 20, 15), followed
assert job in [item.id for item in user.jobs.list_jobs(state="completed").items]
assert '"completed"' in user.jobs.follow_job(job)
refused(409, "job_finished", user.jobs.cancel_job, job)
refused(404, "unknown_job", user.transformations.get_job_status, UNKNOWN)
refused(404, "unknown_job", user.transformations.get_transformed_image, UNKNOWN)

# Requests that can't be done.
impossible = pixmill.TransformRequest(width=100, crop=pixmill.Crop(left=0, top=0, width=99, height=99), save_image=False)
problem = refused(422, "invalid_transformation", user.transformations.transform_image, image, impossible)
assert problem.errors[0].var_field == "crop.width", problem
nothing = pixmill.TransformRequest(save_image=False)
refused(422, "invalid_transformation", user.transformations.transform_image, image, nothing)

# Versions.
_, status = transformed(user, image, grayscale=True, save_image=True)
assert status.image_url.startswith(ADDRESS), status
versions = user.versions.list_versions(image)
assert [(v.number, v.parent) for v in versions.items] == [(1, None), (2, 1)] and versions.current == 2, versions
assert user.versions.undo_version(image).version == 1
refused(409, "nothing_to_undo", user.versions.undo_version, image)
assert user.versions.redo_version(image).version == 2
refused(409, "nothing_to_redo", user.versions.redo_version, image)
assert user.versions.restore_version(image, 1).version == 1
refused(404, "unknown_version", user.versions.restore_version, image, 7)

# Keys.
made = user.accounts.create_api_key(pixmill.ApiKeyRequest(name="walker", scopes=["read"], expires_in_days=1))
program = Apis(made.key)
assert program.accounts.get_account().username == NAME
refused(403, "insufficient_scope", program.images.upload_image, PICTURE)
assert [item.id for item in user.accounts.list_api_keys().items] == [made.api_key.id]
user.accounts.revoke_api_key(made.api_key.id)
refused(401, "key_unknown", program.accounts.get_account)
refused(403, "role_needed", user.operators.list_users)

# The account.
account = user.accounts.get_account()
assert (account.role, account.usage.images) == ("user", 1), account
refused(403, "wrong_password", user.accounts.change_password,
        pixmill.PasswordChange(current_password="wrongPassword!", new_password="newPassword!"))
changed = user.accounts.change_password(
    pixmill.PasswordChange(current_password=PASSWORD, new_password="newPassword!"))
refused(401, "token_revoked", user.accounts.get_account)
user = Apis(changed.token)
user.images.delete_image(image)
refused(404, "unknown_image", user.images.get_image, image)
user.accounts.delete_account()
refused(401, "token_revoked", user.accounts.get_account)
print("the walk is finished")
